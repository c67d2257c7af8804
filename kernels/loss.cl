/* How wrong is the network? One number to make small, and its gradient.
 *
 *   cross-entropy   loss = mean over rows of  -log softmax(logits)[label]
 *                   d logits[i,j] = (softmax(logits)[i,j] - (1 if j is the label else 0)) / rows
 *   squared error   loss = scale * sum of (prediction - target)^2, scale 1 (sum) or 1/n (mean)
 *                   d prediction = 2 * scale * (prediction - target)
 *
 * A label outside [0, columns) gives NaN, never a read outside the buffer.
 * Buffers: row-major float32; labels int32 (rows). scaled_sum adds up in a fixed order: same bits every time.
 */
#ifndef LOCAL_SIZE
#define LOCAL_SIZE 64 // work-items of the one work-group in scaled_sum and count_correct: a power of two
#endif

/* Global size (rows): one work-item per row. */
__kernel void cross_entropy_rows(__global const float *logits, __global const int *labels, __global float *losses,
                                 const int rows, const int columns)
{
    const int i = get_global_id(0);
    if (i >= rows)
        return;
    logits += i * columns;
    float top = logits[0];
    for (int j = 1; j < columns; j++)
        top = logits[j] > top ? logits[j] : top;
    float sum = 0.0f;
    for (int j = 0; j < columns; j++)
        sum += exp(logits[j] - top);
    const int label = labels[i];
    losses[i] = label < 0 || label >= columns ? NAN : log(sum) - (logits[label] - top);
}

/* Global size (rows): one work-item per row. */
__kernel void cross_entropy_backward(__global const float *logits, __global const int *labels, __global float *dlogits,
                                     const int rows, const int columns)
{
    const int i = get_global_id(0);
    if (i >= rows)
        return;
    logits += i * columns;
    dlogits += i * columns;
    float top = logits[0];
    for (int j = 1; j < columns; j++)
        top = logits[j] > top ? logits[j] : top;
    float sum = 0.0f;
    for (int j = 0; j < columns; j++)
        sum += exp(logits[j] - top);
    const int label = labels[i];
    const int known = label >= 0 && label < columns;
    for (int j = 0; j < columns; j++) {
        const float probability = exp(logits[j] - top) / sum;
        dlogits[j] = known ? (probability - (j == label)) / rows : NAN;
    }
}

/* What a training step asks of a row, in one pass: its loss, its gradient, and whether the largest score (the first, of
 * equals) is the label's. Global size (rows): one work-item per row. */
__kernel void cross_entropy_step(__global const float *logits, __global const int *labels, __global float *losses,
                                 __global int *hits, __global float *dlogits, const int rows, const int columns)
{
    const int i = get_global_id(0);
    if (i >= rows)
        return;
    logits += i * columns;
    dlogits += i * columns;
    int best = 0;
    for (int j = 1; j < columns; j++)
        best = logits[j] > logits[best] ? j : best;
    const float top = logits[best];
    float sum = 0.0f;
    for (int j = 0; j < columns; j++) {
        dlogits[j] = exp(logits[j] - top);
        sum += dlogits[j];
    }
    const int label = labels[i];
    const int known = label >= 0 && label < columns;
    losses[i] = known ? log(sum) - (logits[label] - top) : NAN;
    hits[i] = best == label;
    for (int j = 0; j < columns; j++)
        dlogits[j] = known ? (dlogits[j] / sum - (j == label)) / rows : NAN;
}

/* Global size n: one work-item per element. */
__kernel void squared_error(__global const float *prediction, __global const float *target, __global float *errors,
                            const int n)
{
    const int i = get_global_id(0);
    if (i < n)
        errors[i] = (prediction[i] - target[i]) * (prediction[i] - target[i]);
}

__kernel void squared_error_backward(__global const float *prediction, __global const float *target,
                                     __global float *dprediction, const int n, const float scale)
{
    const int i = get_global_id(0);
    if (i < n)
        dprediction[i] = 2.0f * scale * (prediction[i] - target[i]);
}

/* out[0] = scale * sum of values. One work-group: each item adds every LOCAL_SIZE-th value, then the items'
 * sums are added pairwise, half of the items resting after each round. */
__kernel void scaled_sum(__global const float *values, __global float *out, const int n, const float scale)
{
    __local float part[LOCAL_SIZE];
    const int item = get_local_id(0);
    float sum = 0.0f;
    for (int i = item; i < n; i += LOCAL_SIZE)
        sum += values[i];
    part[item] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_size = LOCAL_SIZE / 2; half_size > 0; half_size /= 2) {
        if (item < half_size)
            part[item] += part[item + half_size];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        out[0] = scale * part[0];
}

/* out[0] = number of rows whose largest score (the first, of equals) is the label's. One work-group. */
__kernel void count_correct(__global const float *scores, __global const int *labels, __global int *out,
                            const int rows, const int columns)
{
    __local int part[LOCAL_SIZE];
    const int item = get_local_id(0);
    int hits = 0;
    for (int i = item; i < rows; i += LOCAL_SIZE) {
        int best = 0;
        for (int j = 1; j < columns; j++)
            if (scores[i * columns + j] > scores[i * columns + best])
                best = j;
        hits += best == labels[i];
    }
    part[item] = hits;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_size = LOCAL_SIZE / 2; half_size > 0; half_size /= 2) {
        if (item < half_size)
            part[item] += part[item + half_size];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        out[0] = part[0];
}
