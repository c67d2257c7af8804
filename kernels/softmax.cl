/* Scores into probabilities, row by row, and the gradients.
 *
 *   softmax       y[j] = e^x[j] / sum over i of e^x[i]        dx[j] = y[j] * (dy[j] - sum over i of dy[i] y[i])
 *   log_softmax   y[j] = x[j] - log(sum over i of e^x[i])     dx[j] = dy[j] - e^y[j] * sum over i of dy[i]
 *
 * The largest score of the row is taken off first. That changes nothing in the result and keeps e^x finite:
 * e^1000 is infinity in float32, e^(1000-1002) is not.
 *
 * Buffers: row-major float32 (rows, columns). Global size (rows): one work-item per row.
 */

float largest(__global const float *row, const int columns)
{
    float best = row[0];
    for (int j = 1; j < columns; j++)
        best = row[j] > best ? row[j] : best;
    return best;
}

__kernel void softmax_forward(__global const float *x, __global float *y, const int rows, const int columns)
{
    const int i = get_global_id(0);
    if (i >= rows)
        return;
    x += i * columns;
    y += i * columns;
    const float top = largest(x, columns);
    float sum = 0.0f;
    for (int j = 0; j < columns; j++) {
        y[j] = exp(x[j] - top);
        sum += y[j];
    }
    for (int j = 0; j < columns; j++)
        y[j] /= sum;
}

__kernel void softmax_backward(__global const float *dy, __global const float *y, __global float *dx, const int rows,
                               const int columns)
{
    const int i = get_global_id(0);
    if (i >= rows)
        return;
    dy += i * columns;
    y += i * columns;
    dx += i * columns;
    float dot_product = 0.0f;
    for (int j = 0; j < columns; j++)
        dot_product += dy[j] * y[j];
    for (int j = 0; j < columns; j++)
        dx[j] = y[j] * (dy[j] - dot_product);
}

__kernel void log_softmax_forward(__global const float *x, __global float *y, const int rows, const int columns)
{
    const int i = get_global_id(0);
    if (i >= rows)
        return;
    x += i * columns;
    y += i * columns;
    const float top = largest(x, columns);
    float sum = 0.0f;
    for (int j = 0; j < columns; j++)
        sum += exp(x[j] - top);
    const float log_sum = log(sum);
    for (int j = 0; j < columns; j++)
        y[j] = (x[j] - top) - log_sum;
}

__kernel void log_softmax_backward(__global const float *dy, __global const float *y, __global float *dx,
                                   const int rows, const int columns)
{
    const int i = get_global_id(0);
    if (i >= rows)
        return;
    dy += i * columns;
    y += i * columns;
    dx += i * columns;
    float sum = 0.0f;
    for (int j = 0; j < columns; j++)
        sum += dy[j];
    for (int j = 0; j < columns; j++)
        dx[j] = dy[j] - exp(y[j]) * sum;
}
