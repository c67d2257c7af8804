/* Matrix multiplication, with an optional bias: the whole of a dense layer, forward and backward.
 *
 *   matmul_plain   out[i,j] = bias[j] + sum over k of a[i,k] * b[k,j]
 *   column_sum     out[j]   = sum over i of a[i,j]
 *
 * a is (rows, inner), b is (inner, columns), out is (rows, columns) row-major float32. How far apart two
 * neighbors of a or b stand is a parameter: element (i,k) of a lies at i*a_row + k*a_col. Swapping the two
 * numbers transposes a matrix without moving it, and the three products of a dense layer become one kernel:
 *   y = x w^T + b,   dx = dy w,   dw = dy^T x.
 *
 * Global size (columns, rows): one work-item computes one number of out, as the formula says. It sums in runs
 * of RUN terms: adding short sums loses fewer digits than one long one.
 */
#ifndef RUN
#define RUN 32 // terms per partial sum; longer runs are a little faster and a little less exact
#endif

__kernel void matmul_plain(__global const float *a, __global const float *b, __global const float *bias,
                           const int has_bias, __global float *out, const int rows, const int columns, const int inner,
                           const int a_row, const int a_col, const int b_row, const int b_col)
{
    const int j = get_global_id(0), i = get_global_id(1);
    if (i >= rows || j >= columns)
        return;

    float sum = 0.0f;
    for (int start = 0; start < inner; start += RUN) {
        const int end = min(start + RUN, inner);
        float run_sum = 0.0f;
        for (int k = start; k < end; k++)
            run_sum += a[i * a_row + k * a_col] * b[k * b_row + j * b_col];
        sum += run_sum;
    }
    out[i * columns + j] = has_bias ? sum + bias[j] : sum;
}

/* Global size (columns): one work-item per column. */
__kernel void column_sum_plain(__global const float *a, __global float *out, const int rows, const int columns)
{
    const int j = get_global_id(0);
    if (j >= columns)
        return;
    float sum = 0.0f;
    for (int start = 0; start < rows; start += RUN) {
        const int end = min(start + RUN, rows);
        float run_sum = 0.0f;
        for (int i = start; i < end; i++)
            run_sum += a[i * columns + j];
        sum += run_sum;
    }
    out[j] = sum;
}

/* _blocked: one work-item computes a block of BLOCK_ROWS x 16 numbers of out, and keeps them in registers.
 * The idea: each number of a that is read serves 16 columns, and each 16 numbers of b that are read serve
 * BLOCK_ROWS rows, so arithmetic and not memory sets the pace, 8 columns in one vector instruction. Right for
 * CPUs, where vectors are wide and a work-item is a loop on a core.
 *
 * b must be packed: its rows `pitch` numbers apart, pitch a multiple of 16, so that every load is whole and
 * aligned. What stands in the padding does not matter: those columns are computed and thrown away.
 *
 * A batch of products is one launch: product n starts at a + a_start + n*a_batch, and b and out likewise. If
 * `runs` is above 1, out is instead the sum over `runs` products in a row: that is how the gradient of a
 * filter adds up over images. (b_start and b_batch are multiples of 16, as everything in b.)
 *
 * Global size (pitch / 16, ceil(rows / BLOCK_ROWS), products). bias_mode: 0 none, 1 one per column, 2 one per row.
 */
#define BLOCK_ROWS 4 // 4 x 16 sums fill 8 vector registers of the 16 that AVX2 has; more would spill

/* Rows beyond the last are computed from the last (a read inside the buffer) and not written. */
#define ROW_OF_A(r) (a + min(i + r, rows - 1) * a_row)

#define STORE_ROW(r, low, high)                                                                                        \
    if (i + r < rows) {                                                                                                \
        __global float *to = out + (i + r) * columns + j;                                                              \
        float8 first = low, second = high;                                                                             \
        if (bias_mode == 2) {                                                                                          \
            first += bias[i + r];                                                                                      \
            second += bias[i + r];                                                                                     \
        }                                                                                                              \
        float block[16];                                                                                               \
        vstore8(first, 0, block);                                                                                      \
        vstore8(second, 1, block);                                                                                     \
        if (bias_mode == 1)                                                                                            \
            for (int e = 0; e < width; e++)                                                                            \
                block[e] += bias[j + e];                                                                               \
        for (int e = 0; e < width; e++)                                                                                \
            to[e] = block[e];                                                                                          \
    }

__kernel void matmul_blocked(__global const float *a, __global const float8 *b, __global const float *bias,
                             const int bias_mode, __global float *out, const int rows, const int columns,
                             const int inner, const int a_row, const int a_col, const int pitch, const int a_start,
                             const int b_start, const int out_start, const int a_batch, const int b_batch,
                             const int out_batch, const int products, const int runs)
{
    const int j = get_global_id(0) * 16, i = get_global_id(1) * BLOCK_ROWS, product = get_global_id(2);
    const int width = min(16, columns - j);
    const int last = min((product + 1) * runs, products);
    const int step = pitch / 8;

    a += a_start;
    float8 s00 = 0.0f, s01 = 0.0f, s10 = 0.0f, s11 = 0.0f, s20 = 0.0f, s21 = 0.0f, s30 = 0.0f, s31 = 0.0f;
    for (int n = product * runs; n < last; n++) {
        __global const float *a0 = ROW_OF_A(0) + n * a_batch, *a1 = ROW_OF_A(1) + n * a_batch;
        __global const float *a2 = ROW_OF_A(2) + n * a_batch, *a3 = ROW_OF_A(3) + n * a_batch;
        __global const float8 *b_here = b + (b_start + n * b_batch + j) / 8;
        for (int k = 0; k < inner; k++) {
            const float8 low = b_here[0], high = b_here[1];
            b_here += step;
            s00 += a0[k * a_col] * low;
            s01 += a0[k * a_col] * high;
            s10 += a1[k * a_col] * low;
            s11 += a1[k * a_col] * high;
            s20 += a2[k * a_col] * low;
            s21 += a2[k * a_col] * high;
            s30 += a3[k * a_col] * low;
            s31 += a3[k * a_col] * high;
        }
    }
    out += out_start + product * out_batch;
    STORE_ROW(0, s00, s01)
    STORE_ROW(1, s10, s11)
    STORE_ROW(2, s20, s21)
    STORE_ROW(3, s30, s31)
}

/* Copies matrices into packed form: out[n, i, j] = a[n*a_batch + i*a_row + j*a_col] for j < columns, and 0 in the
 * padding up to pitch. Swapping a_row and a_col transposes. Global size (pitch, rows, matrices). */
__kernel void pack(__global const float *a, __global float *out, const int rows, const int columns, const int pitch,
                   const int a_row, const int a_col, const int a_batch, const int matrices)
{
    const int j = get_global_id(0), i = get_global_id(1), n = get_global_id(2);
    if (i < rows && j < pitch && n < matrices)
        out[(n * rows + i) * pitch + j] = j < columns ? a[n * a_batch + i * a_row + j * a_col] : 0.0f;
}

/* out[i,j] = sum over n of parts[n*part + i*row + j*column]: adds up partial results, and transposes them if row
 * and column say so. Global size (columns, rows). */
__kernel void sum_parts(__global const float *parts, __global float *out, const int rows, const int columns,
                        const int row, const int column, const int part, const int count)
{
    const int j = get_global_id(0), i = get_global_id(1);
    if (i >= rows || j >= columns)
        return;
    float sum = 0.0f;
    for (int n = 0; n < count; n++)
        sum += parts[n * part + i * row + j * column];
    out[i * columns + j] = sum;
}
