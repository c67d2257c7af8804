/* Convolution and its gradients for processors with vector registers: CPUs.
 *
 * The formulas are those of conv2d.cl. Four ideas make them fast:
 *
 *   1. A block in registers. One work-item computes a block of sums, some filters x some pixels, and keeps them in
 *      registers. A pixel that is read once serves all filters of the block, a weight all its pixels. So arithmetic
 *      sets the pace, not memory. A vector register holds 8 numbers: 8 filters, or 8 neighboring pixels.
 *   2. A list of distances. Seen from any output pixel, the numbers under the window lie at the same distances in
 *      memory, if the picture is stored with its padding. They are listed once, offsets[], and the loop over the
 *      window needs no other arithmetic: no borders, strides or dilations. (Dukhan, "The Indirect Convolution
 *      Algorithm", 2019, lists pointers in the same spirit.)
 *   3. Pixels sorted by stride, where vectors hold pixels. With stride 2 the window moves over every other pixel. A
 *      picture is stored as 2 x 2 small ones, of its even and odd rows and columns; in each the window moves by 1, so
 *      neighbors in the output are neighbors in memory again, and vectors can be read whole.
 *   4. Weights in the order of use: packed[block][input][tap][lane], read from the first to the last.
 *
 * Backward data uses the same two kernels: dy takes the place of x, the filters are transposed and turned around. With
 * stride s the pixels of dx fall into s x s classes; each class is a small convolution with a part of the taps.
 *
 * Loops over the block are unrolled, so that the arrays of sums become registers. Arithmetic is written with
 * operators: on some drivers built-in functions such as fma or vload8 are calls, ten times slower.
 *
 * Numbers that are not finite stay visible, and may show in more places than by the formula: zeros that stand between
 * pixels are multiplied, too, and 0 times infinity is not a number.
 *
 * A work-item is a long loop already: work-groups of one item, local size 1, except in sum_weight_parts.
 *
 * The sizes of blocks below stand in cnnkit/ops/conv_blocked.py, too, which counts work-items with them: change both.
 */
#ifndef PIXELS
#define PIXELS 6 // x 16 filters: 12 sums, 2 weights, a pixel: 15 of AVX2's 16 registers. (Weight gradient: 6 weights)
#endif
#ifndef BLOCKS
#define BLOCKS 12 // blocks of the same filters per work-item: enough to be worth starting it
#endif
#ifndef CHANNELS
#define CHANNELS 4 // filters per work-item, where a vector holds pixels
#endif
#ifndef ROWS
#define ROWS 3 // rows per work-item; CHANNELS * ROWS sums need as many vector registers (AVX2 has 16 in all)
#endif
#ifndef TAPS
#define TAPS 3 // weights per filter and work-item in conv2d_backward_weight_pixels
#endif
#ifndef BAND
#define BAND 128 // rows that a work-item of pad_planes copies: enough to be worth starting it
#endif

#ifdef __clang__ // a vector type that may lie anywhere: one plain load instruction
typedef float vector_anywhere __attribute__((ext_vector_type(8), aligned(4)));
#define LOAD8(p) (*(__global const vector_anywhere *)(p))
#define STORE8(p, v) (*(__global vector_anywhere *)(p) = (v))
#else
#define LOAD8(p) vload8(0, p)
#define STORE8(p, v) vstore8(v, 0, p)
#endif

// Not the built-ins min and max: where these are calls, every register is saved around them.
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

float sum_of_lanes(const float8 v)
{
    const float4 half_sum = v.lo + v.hi;
    return (half_sum.x + half_sum.y) + (half_sum.z + half_sum.w);
}

/* Stores planes (H, W) with their padding, sorted by stride (idea 3): a plane becomes stride_y x stride_x pictures of
 * rows x pitch numbers; row and column (i, j) of the padded plane go to row i / stride_y and column j / stride_x of
 * picture (i % stride_y, j % stride_x). 8 zeros follow the last plane, so that a vector may reach beyond it.
 * The rows of all pictures count through. Global size (ceil(planes*stride_y*stride_x*rows / BAND)): a work-item writes
 * BAND of them. */
__kernel void pad_planes(__global const float *x, __global float *padded, const int H, const int W, const int planes,
                         const int pad_top, const int pad_left, const int stride_y, const int stride_x, const int rows,
                         const int pitch)
{
    const int pictures = stride_y * stride_x, all_rows = planes * pictures * rows;
    const int first_row = get_global_id(0) * BAND, last_row = MIN(first_row + BAND, all_rows);
    int picture = first_row / rows, row = first_row % rows;
    __global float *to = padded + first_row * pitch;

    int top = 0, left = 0, first = 0, last = 0;
    for (int i = first_row; i < last_row; i++) {
        if (i == first_row || row == 0) {
            top = picture / stride_x % stride_y - pad_top;
            left = picture % stride_x - pad_left;
            // Place j of a row holds column left + j*stride_x; those inside the plane are j in [first, last).
            first = left >= 0 ? 0 : MIN((-left + stride_x - 1) / stride_x, pitch);
            last = MAX(first, MIN((W - left + stride_x - 1) / stride_x, pitch));
        }
        const int iy = top + row * stride_y;
        const int end = iy < 0 || iy >= H ? first : last;
        __global const float *from = x + (picture / pictures * H + iy) * W + left;
        int j = 0;
        for (; j < first; j++)
            to[j] = 0.0f;
        if (stride_x == 1 && end - first >= 8) {
            for (; j < end; j += 8)
                STORE8(to + MIN(j, end - 8), LOAD8(from + MIN(j, end - 8))); // the last overlaps the one before it
            j = end;
        }
        if (stride_x == 2 && end - first >= 8) {
            for (; j < end; j += 8) {
                const int at = MIN(j, end - 8);
                const float8 low = LOAD8(from + 2 * at), high = LOAD8(from + 2 * at + 7); // columns 0 to 7, 7 to 14
                STORE8(to + at, (float8)(low.s0, low.s2, low.s4, low.s6, high.s1, high.s3, high.s5, high.s7));
            }
            j = end;
        }
        for (; j < end; j++)
            to[j] = from[j * stride_x];
        for (; j < pitch; j++)
            to[j] = 0.0f;
        to += pitch;
        if (++row == rows) {
            row = 0;
            picture++;
        }
    }
    if (last_row == all_rows)
        STORE8(to, (float8)(0.0f));
}

/* Puts weights in the order of use (idea 4): packed[block][input][tap][lane] is the weight of output
 * block*lanes + lane for this input and tap, 0 beyond the last output. Weight (o, i, tap) stands in w at
 * o*output_step + i*input_step + tap_places[tap], which covers both directions of the convolution.
 * Global size (inputs, ceil(outputs / lanes)). */
__kernel void pack_weights(__global const float *w, __global const int *tap_places, __global float *packed,
                           const int outputs, const int inputs, const int taps, const int output_step,
                           const int input_step, const int lanes)
{
    const int i = get_global_id(0), block = get_global_id(1);
    if (i >= inputs || block * lanes >= outputs)
        return;
    __global float *to = packed + (block * inputs + i) * taps * lanes;
    for (int t = 0; t < taps; t++) {
        for (int lane = 0; lane < lanes; lane++) {
            const int o = block * lanes + lane;
            to[t * lanes + lane] = o < outputs ? w[o * output_step + i * input_step + tap_places[t]] : 0.0f;
        }
    }
}

/* y[n,k,oy,ox] = b[k] + sum over the terms t, all taps of all inputs, of
 *                w[k,t] * x[x_start + n*x_image + oy*x_row + ox*x_col + offsets[t]]
 * for two kinds of blocks. y begins at y_start, its numbers stand y_row and y_col apart, its planes y_plane (for the
 * classes of a strided gradient these are not neighbors). relu = 1 writes max(0, y), which spares a ReLU its own pass
 * over memory. */
#define CONV2D_BLOCKED_ARGUMENTS                                                                                       \
    __global const float *x, __global const float *w_packed, __global const int *offsets, __global const float *b,     \
        const int has_bias, const int relu, __global float *y, const int terms, const int outputs, const int OH,       \
        const int OW, const int x_start, const int x_image, const int x_row, const int x_col, const int y_start,       \
        const int y_plane, const int y_row, const int y_col

// "<=" and not ">": a comparison with NaN is false, so a NaN stays a NaN.
#define POSITIVE_PART(v) ((v) <= 0.0f ? (float8)(0.0f) : (v))

/* Vectors of 8 filters, blocks of PIXELS pixels x 16 filters: best for many filters, and no pixel is computed twice.
 * Global size (ceil(outputs / 16), ceil(OH*OW / (PIXELS*BLOCKS)), N): a work-item does BLOCKS blocks of its filters. */
__kernel void conv2d_blocked_filters(CONV2D_BLOCKED_ARGUMENTS)
{
    const int k = get_global_id(0) * 16, n = get_global_id(2), pixels = OH * OW;
    const int first_block = get_global_id(1) * BLOCKS;
    __global float *y_here = y + y_start + (n * outputs + k) * y_plane;

    float8 start[2];
#pragma unroll
    for (int lane = 0; lane < 16; lane++)
        ((float *)start)[lane] = has_bias ? b[MIN(k + lane, outputs - 1)] : 0.0f;

    int oy = first_block * PIXELS / OW, ox = first_block * PIXELS % OW;
    for (int block = first_block; block < first_block + BLOCKS && block * PIXELS < pixels; block++) {
        int x_at[PIXELS], y_at[PIXELS]; // pixels beyond the last repeat the last and are not written
        float8 sum[PIXELS][2];
#pragma unroll
        for (int i = 0; i < PIXELS; i++) {
            x_at[i] = oy * x_row + ox * x_col;
            y_at[i] = oy * y_row + ox * y_col;
            sum[i][0] = start[0];
            sum[i][1] = start[1];
            const int last = block * PIXELS + i + 1 >= pixels, wraps = !last && ox + 1 == OW;
            oy += wraps;
            ox = wraps ? 0 : last ? ox : ox + 1;
        }

        __global const float *weights = w_packed + k * terms;
        __global const float *window = x + x_start + n * x_image;
        for (int t = 0; t < terms; t++) {
            __global const float *here = window + offsets[t];
            const float8 low = LOAD8(weights), high = LOAD8(weights + 8);
#pragma unroll
            for (int p = 0; p < PIXELS; p++) {
                sum[p][0] += here[x_at[p]] * low;
                sum[p][1] += here[x_at[p]] * high;
            }
            weights += 16;
        }

        // The sums, to be read one by one: neighbors in y are pixels, not filters.
        float block_of_y[PIXELS][16] __attribute__((aligned(32)));
#pragma unroll
        for (int p = 0; p < PIXELS; p++) {
            *(float8 *)&block_of_y[p][0] = relu ? POSITIVE_PART(sum[p][0]) : sum[p][0];
            *(float8 *)&block_of_y[p][8] = relu ? POSITIVE_PART(sum[p][1]) : sum[p][1];
        }
        if (k + 16 <= outputs && (block + 1) * PIXELS <= pixels) {
#pragma unroll
            for (int lane = 0; lane < 16; lane++)
#pragma unroll
                for (int p = 0; p < PIXELS; p++)
                    y_here[lane * y_plane + y_at[p]] = block_of_y[p][lane];
        } else {
            for (int lane = 0; lane < MIN(16, outputs - k); lane++)
                for (int p = 0; p < MIN(PIXELS, pixels - block * PIXELS); p++)
                    y_here[lane * y_plane + y_at[p]] = block_of_y[p][lane];
        }
    }
}

/* Vectors of 8 pixels, blocks of CHANNELS filters x ROWS rows x 8 pixels: best for few filters. x_col must be 1.
 * Global size (ceil(OH / ROWS), ceil(outputs / CHANNELS), N): a work-item does the whole width of its rows. */
__kernel void conv2d_blocked_pixels(CONV2D_BLOCKED_ARGUMENTS)
{
    const int oy = get_global_id(0) * ROWS, k = get_global_id(1) * CHANNELS, n = get_global_id(2);

    int row_at[ROWS]; // rows beyond the last are computed from the last and not written
#pragma unroll
    for (int r = 0; r < ROWS; r++)
        row_at[r] = MIN(oy + r, OH - 1) * x_row;

    for (int column = 0; column < OW; column += 8) {
        // The last vector overlaps the one before it; rows narrower than 8, and those of a class
        // of pixels, which are no neighbors, are written number by number.
        const int ox = MAX(MIN(column, OW - 8), 0);
        float8 sum[CHANNELS][ROWS];
#pragma unroll
        for (int c = 0; c < CHANNELS; c++) {
            const float start = has_bias ? b[MIN(k + c, outputs - 1)] : 0.0f;
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                sum[c][r] = start;
        }

        __global const float *weights = w_packed + k * terms;
        __global const float *window = x + x_start + n * x_image + ox;
        for (int t = 0; t < terms; t++) {
            __global const float *here = window + offsets[t];
            float8 pixels[ROWS];
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                pixels[r] = LOAD8(here + row_at[r]);
#pragma unroll
            for (int c = 0; c < CHANNELS; c++)
#pragma unroll
                for (int r = 0; r < ROWS; r++)
                    sum[c][r] += weights[c] * pixels[r];
            weights += CHANNELS;
        }

#pragma unroll
        for (int c = 0; c < CHANNELS; c++) {
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                if (k + c < outputs && oy + r < OH) {
                    const float8 value = relu ? POSITIVE_PART(sum[c][r]) : sum[c][r];
                    __global float *to = y + y_start + (n * outputs + k + c) * y_plane + (oy + r) * y_row + ox * y_col;
                    if (OW >= 8 && y_col == 1) {
                        STORE8(to, value);
                    } else {
                        const float numbers[8] = {value.s0, value.s1, value.s2, value.s3,
                                                  value.s4, value.s5, value.s6, value.s7};
                        for (int e = 0; e < MIN(OW, 8); e++)
                            to[e * y_col] = numbers[e];
                    }
                }
            }
        }
    }
}

/* The gradient of the weights, and of the biases with it, as partial sums over some images, or a piece of one:
 *   parts[part][k][tap] = sum over the part's n,oy,ox of  dy[n,k,oy,ox] * x[n*x_image + oy*pitch + ox + offsets[tap]]
 * with a tap for every weight of a filter, and last parts[part][k][taps] = sum of dy[n,k,oy,ox], for the bias.
 * The block: CHANNELS filters x TAPS weights, each sum a vector of 8 pixels' products, added up at the end.
 *
 * dy is stored with the pitch of x and zeros between its rows. So a plane is one long run of vectors, of length
 * (OH-1)*pitch + OW: what is read of x between two rows is multiplied by zero.
 * A part is `images` images, or one of `pieces` of an image, of `vectors` vectors each.
 * Global size (ceil(taps / TAPS) + 1, ceil(K / CHANNELS), parts): the last of the first dimension sums the biases. */
__kernel void conv2d_backward_weight_pixels(__global const float *dy, __global const float *x,
                                             __global const int *offsets, __global float *parts, const int N,
                                             const int K, const int length, const int dy_plane, const int taps,
                                             const int x_image, const int images, const int pieces,
                                             const int vectors)
{
    const int t = get_global_id(0) * TAPS, k = get_global_id(1) * CHANNELS, part = get_global_id(2);
    const int only_bias = t >= taps;
    const int first_image = part / pieces * images, end_image = MIN(first_image + images, N);
    const int first = part % pieces * vectors * 8, end = MIN(first + vectors * 8, length);

    int filter_at[CHANNELS], tap_at[TAPS]; // those beyond the last repeat the last and are not written
#pragma unroll
    for (int c = 0; c < CHANNELS; c++)
        filter_at[c] = MIN(k + c, K - 1) * dy_plane;
#pragma unroll
    for (int i = 0; i < TAPS; i++)
        tap_at[i] = offsets[MIN(t + i, taps - 1)];

    float8 sum[CHANNELS][TAPS];
#pragma unroll
    for (int c = 0; c < CHANNELS; c++)
#pragma unroll
        for (int i = 0; i < TAPS; i++)
            sum[c][i] = 0.0f;

    for (int n = first_image; n < end_image; n++) {
        __global const float *dy_here = dy + n * K * dy_plane, *x_here = x + n * x_image;
        for (int at = first; at < end && !only_bias; at += 8) {
            float8 pixels[TAPS];
#pragma unroll
            for (int i = 0; i < TAPS; i++)
                pixels[i] = LOAD8(x_here + tap_at[i] + at);
#pragma unroll
            for (int c = 0; c < CHANNELS; c++) {
                const float8 slopes = LOAD8(dy_here + filter_at[c] + at);
#pragma unroll
                for (int i = 0; i < TAPS; i++)
                    sum[c][i] += slopes * pixels[i];
            }
        }
        for (int at = first; at < end && only_bias; at += 8) {
#pragma unroll
            for (int c = 0; c < CHANNELS; c++)
                sum[c][0] += LOAD8(dy_here + filter_at[c] + at);
        }
    }

#pragma unroll
    for (int c = 0; c < CHANNELS; c++)
#pragma unroll
        for (int i = 0; i < TAPS; i++)
            if (k + c < K && (only_bias ? i == 0 : t + i < taps))
                parts[(part * K + k + c) * (taps + 1) + (only_bias ? taps : t + i)] = sum_of_lanes(sum[c][i]);
}

/* dy (N, K, pixels) as turned[n][block][pixel][16], 16 filters beside each other, 0 beyond the last filter.
 * Global size (ceil(K / 16), N). */
__kernel void turn_slopes(__global const float *dy, __global float *turned, const int K, const int pixels)
{
    const int block = get_global_id(0), n = get_global_id(1), filters = MIN(16, K - block * 16);
    __global const float *from = dy + (n * K + block * 16) * pixels;
    __global float *to = turned + (n * get_global_size(0) + block) * pixels * 16;
    for (int pixel = 0; pixel < pixels; pixel++)
        for (int lane = 0; lane < 16; lane++)
            to[pixel * 16 + lane] = lane < filters ? from[lane * pixels + pixel] : 0.0f;
}

/* The same sums in blocks of PIXELS weights x 16 filters, with dy turned, so that a vector holds filters: nothing
 * between the rows is read. x is read at oy*x_row + ox*x_col. The sums of `rows` rows at a time are added to the part's
 * total: short sums lose fewer digits.
 * Global size (ceil(taps / PIXELS) + 1, ceil(K / 16), parts), the last for the biases; a part is `images` images. */
__kernel void conv2d_backward_weight_filters(__global const float *turned, __global const float *x,
                                             __global const int *offsets, __global float *parts, const int N,
                                             const int K, const int OH, const int OW, const int taps,
                                             const int x_image, const int x_row, const int x_col, const int images,
                                             const int rows)
{
    const int t = get_global_id(0) * PIXELS, k = get_global_id(1) * 16, part = get_global_id(2);
    const int only_bias = t >= taps;

    int tap_at[PIXELS]; // taps beyond the last repeat the last and are not written
    float8 total[PIXELS][2];
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
        tap_at[i] = offsets[MIN(t + i, taps - 1)];
        total[i][0] = total[i][1] = 0.0f;
    }

    for (int n = part * images; n < MIN((part + 1) * images, N); n++) {
        __global const float *slopes = turned + (n * get_global_size(1) + get_global_id(1)) * OH * OW * 16;
        for (int first_row = 0; first_row < OH; first_row += rows) {
            float8 sum[PIXELS][2];
#pragma unroll
            for (int i = 0; i < PIXELS; i++)
                sum[i][0] = sum[i][1] = 0.0f;
            for (int oy = first_row; oy < MIN(first_row + rows, OH); oy++) {
                __global const float *here = x + n * x_image + oy * x_row;
                for (int ox = 0; ox < OW && !only_bias; ox++) {
                    const float8 low = LOAD8(slopes), high = LOAD8(slopes + 8);
#pragma unroll
                    for (int i = 0; i < PIXELS; i++) {
                        sum[i][0] += here[tap_at[i]] * low;
                        sum[i][1] += here[tap_at[i]] * high;
                    }
                    slopes += 16;
                    here += x_col;
                }
                for (int ox = 0; ox < OW && only_bias; ox++) {
                    sum[0][0] += LOAD8(slopes);
                    sum[0][1] += LOAD8(slopes + 8);
                    slopes += 16;
                }
            }
#pragma unroll
            for (int i = 0; i < PIXELS; i++) {
                total[i][0] += sum[i][0];
                total[i][1] += sum[i][1];
            }
        }
    }

    for (int lane = 0; lane < MIN(16, K - k); lane++)
        for (int i = 0; i < (only_bias ? 1 : MIN(PIXELS, taps - t)); i++)
            parts[(part * K + k + lane) * (taps + 1) + (only_bias ? taps : t + i)] = ((float *)total[i])[lane];
}

/* dw[k,tap] and db[k] = the sums of the parts, in their order. Global size (taps + 1, K). */
__kernel void sum_weight_parts(__global const float *parts, __global float *dw, __global float *db, const int K,
                               const int taps, const int count)
{
    const int t = get_global_id(0), k = get_global_id(1);
    if (t > taps || k >= K)
        return;
    float sum = 0.0f;
    for (int part = 0; part < count; part++)
        sum += parts[(part * K + k) * (taps + 1) + t];
    if (t < taps)
        dw[k * taps + t] = sum;
    else
        db[k] = sum;
}
