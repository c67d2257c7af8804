/* Convolution as one big matrix product whose patch matrix is never stored, and its two gradients; for GPUs.
 *
 *   out[i,j] = sum over k of A[i,k] * B[k,j]                 i: row        j: column       k: inner
 *
 *   forward           y  = w  patches        + bias          filter        n,oy,ox         c,r,s
 *   backward_data     dx = w' windows(dy)                    channel c     n,iy,ix         filter,r,s
 *   backward_weight   dw = dy patches'                       filter        c,r,s           n,oy,ox
 *
 * (A prime ' means transposed.) im2col.cl writes the matrix of patches to memory, R*S times as large as the picture,
 * and multiplies it after. Here B exists only as a rule that says which pixel stands at (k,j), and each work-group
 * gathers the piece it needs. Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014.
 *
 * The product itself is the classic one of GPUs. A work-group of 16 x 16 work-items computes TILE_M x TILE_N numbers
 * of out. It walks along the inner dimension TILE_K steps at a time: together copy a tile of A and a tile of B to local
 * memory, barrier, multiply them, barrier. Each work-item keeps ITEM_M x ITEM_N x 4 sums in registers, so that each
 * number it reads from local memory serves several products. Volkov and Demmel, "Benchmarking GPUs to Tune Dense Linear
 * Algebra", 2008; CLBlast (Nugteren, 2018) and dlprimitives do the same in OpenCL.
 *
 *                     B  k |  tile |           every number of A's tile meets every number
 *                          |  16x64|           of B's tile in the same step k: 64 x 64 x 16
 *                     A    +-------+           products from 2 x 64 x 16 fetches
 *                  | tile |   out  |
 *                i | 64x16|  64x64 |
 *
 * Layouts, all row-major float32: x and dx (N,C,H,W), w and dw (K,C,R,S), bias (K), y and dy (N,K,OH,OW).
 * Arguments: a and b are (w, x) forward, (w, dy) backward_data, (dy, x) backward_weight. A group sums over `per_part`
 * inner steps. Forward and backward_data that is all of them. In backward_weight the inner dimension is long and out
 * small, so it is cut into parts, each a multiple of TILE_K; part p goes to out + p*rows*columns, and sum_parts
 * (matmul.cl) adds the parts, always in the same order.
 *
 * Global size (ceil(columns / TILE_N) * 16, ceil(rows / TILE_M) * 16, parts), local (16, 16, 1).
 *
 * One difference from the plain kernels: in backward_data a weight that is infinite or NaN also meets the zeros of
 * windows that do not exist, so that NaN shows at a few more pixels.
 */
#define FORWARD 1
#define BACKWARD_DATA 2
#define BACKWARD_WEIGHT 3
#ifndef DIRECTION
#define DIRECTION FORWARD // which of the three is compiled
#endif
#ifndef TILE_M
#define TILE_M 64 // rows of a tile: 16, 32, 64 or 128; more reuse each pixel more, but idle where out has fewer rows
#endif
#ifndef TILE_N
#define TILE_N 64 // columns of a tile: 64 or 128; more reuse each weight more, but leave fewer groups to fill the GPU
#endif
#ifndef TILE_K
#define TILE_K 16 // inner steps per pair of barriers; 32 halves the barriers and doubles the local memory
#endif

#define ITEMS 256                // 16 x 16 work-items
#define ITEM_M (TILE_M / 16)     // rows of a work-item
#define ITEM_N (TILE_N / 16 / 4) // columns of a work-item, in fours
#define PAD 4 // added to a tile's rows: work-items that write below each other then hit different memory banks

/* As in conv2d.cl; the launch in cnnkit/ops/conv_implicit.py has the same order. */
#define CONV2D_SHAPE \
    const int N, const int C, const int H, const int W, const int K, const int R, const int S, const int OH, \
        const int OW, const int stride_y, const int stride_x, const int pad_top, const int pad_left, \
        const int dilation_y, const int dilation_x
#define SHAPE N, C, H, W, K, R, S, OH, OW, stride_y, stride_x, pad_top, pad_left, dilation_y, dilation_x

/* What an index of a matrix stands for. To find the pixel at (k,j) of B, the spots of k and of j are added: the window
 * says where it begins, the tap how far into it. Finding a spot takes slow divisions, so it is done once per row and
 * column of a tile, adding once per number. */
typedef struct {
    int a;    // how far into a (for the inner index)
    int b;    // how far into b: its image or its channel
    int y, x; // where in the channel
} Spot;

#define OUTSIDE (-(1 << 30)) // a `y` that stays outside whatever is added: nothing is read, the element is 0

#if DIRECTION == FORWARD || DIRECTION == BACKWARD_WEIGHT

/* Output pixel (n,oy,ox): its window begins here. */
Spot window(const int index, CONV2D_SHAPE)
{
    const int ox = index % OW, oy = index / OW % OH, n = index / (OW * OH);
    const Spot spot = {n * K * OH * OW + oy * OW + ox, n * C * H * W, oy * stride_y - pad_top,
                       ox * stride_x - pad_left};
    return spot;
}

/* Tap (c,r,s) of a filter: this far into the window. */
Spot tap(const int index, CONV2D_SHAPE)
{
    const int s = index % S, r = index / S % R, c = index / (S * R);
    const Spot spot = {index, c * H * W, r * dilation_y, s * dilation_x};
    return spot;
}

/* The pixel of x that a tap of a window reads, 0 in the padding. */
float element_of_b(__global const float *x, const Spot inner, const Spot column, CONV2D_SHAPE)
{
    const int iy = inner.y + column.y, ix = inner.x + column.x;
    return iy >= 0 && iy < H && ix >= 0 && ix < W ? x[inner.b + column.b + iy * W + ix] : 0.0f;
}

#endif
#if DIRECTION == FORWARD

#define KERNEL conv2d_forward_implicit_gemm
#define ROWS K
#define COLUMNS (N * OH * OW)
#define INNER (C * R * S)
#define A_ROW (C * R * S) // from row to row of a
#define PLANE (OH * OW)   // out is (images, ROWS, PLANE)
#define inner_spot tap
#define column_spot window
#define B_ALONG_INNER 0 // neighbors in memory are neighboring columns: so neighboring work-items take those

#elif DIRECTION == BACKWARD_WEIGHT

#define KERNEL conv2d_backward_weight_implicit_gemm
#define ROWS K
#define COLUMNS (C * R * S)
#define INNER (N * OH * OW)
#define A_ROW (OH * OW)
#define PLANE (C * R * S)
#define inner_spot window
#define column_spot tap
#define B_ALONG_INNER 1 // neighbors in memory are neighboring steps

#elif DIRECTION == BACKWARD_DATA

#define KERNEL conv2d_backward_data_implicit_gemm
#define ROWS C
#define COLUMNS (N * H * W)
#define INNER (K * R * S)
#define A_ROW (R * S)
#define PLANE (H * W)
#define inner_spot filter_tap
#define column_spot input_pixel
#define B_ALONG_INNER 0

/* Input pixel (n,iy,ix), counted from the corner of the padding. */
Spot input_pixel(const int index, CONV2D_SHAPE)
{
    const int ix = index % W, iy = index / W % H, n = index / (W * H);
    const Spot spot = {0, n * K * OH * OW, iy + pad_top, ix + pad_left};
    return spot;
}

/* Tap (r,s) of filter k: the window that reads a pixel through it begins this far back. */
Spot filter_tap(const int index, CONV2D_SHAPE)
{
    const int s = index % S, r = index / S % R, k = index / (S * R);
    const Spot spot = {k * C * R * S + r * S + s, k * OH * OW, -r * dilation_y, -s * dilation_x};
    return spot;
}

/* The gradient of the output whose window reads the pixel through the tap; 0 where the stride skips that window. */
float element_of_b(__global const float *dy, const Spot inner, const Spot column, CONV2D_SHAPE)
{
    const int ty = inner.y + column.y, tx = inner.x + column.x;
    const int oy = stride_y == 1 ? ty : ty / stride_y; // dividing is slow, and most strides are 1
    const int ox = stride_x == 1 ? tx : tx / stride_x;
    const int hit = ty >= 0 && oy * stride_y == ty && oy < OH && tx >= 0 && ox * stride_x == tx && ox < OW;
    return hit ? dy[inner.b + column.b + oy * OW + ox] : 0.0f;
}

#endif

__kernel __attribute__((reqd_work_group_size(16, 16, 1)))
void KERNEL(__global const float *a, __global const float *b, __global const float *bias, const int has_bias,
            __global float *out, const int per_part, CONV2D_SHAPE)
{
    __local float a_tile[TILE_K][TILE_M + PAD] __attribute__((aligned(16)));
    __local float b_tile[TILE_K][TILE_N + PAD] __attribute__((aligned(16)));
    __local Spot inner_spots[TILE_K], column_spots[TILE_N];
    const Spot nowhere = {0, 0, OUTSIDE, 0};

    const int lx = get_local_id(0), ly = get_local_id(1), item = ly * 16 + lx;
    const int first_row = get_group_id(1) * TILE_M, first_column = get_group_id(0) * TILE_N;
    const int start = get_group_id(2) * per_part, end = start + min(per_part, INNER - start);

    if (item < TILE_N)
        column_spots[item] = first_column + item < COLUMNS ? column_spot(first_column + item, SHAPE) : nowhere;

    float4 sums[ITEM_M][ITEM_N]; // my numbers of out; every loop over them is unrolled, so they live in registers
#pragma unroll
    for (int i = 0; i < ITEM_M; i++)
#pragma unroll
        for (int j = 0; j < ITEM_N; j++)
            sums[i][j] = (float4)(0.0f);

    for (int step = start; step < end; step += TILE_K) {
        if (item < TILE_K)
            inner_spots[item] = step + item < end ? inner_spot(step + item, SHAPE) : nowhere;
        barrier(CLK_LOCAL_MEM_FENCE); // the spots are known, and nobody reads the old tiles any more

        // Copy the tiles together. Beyond the edges both are 0, so that what lies there adds nothing.
#pragma unroll
        for (uint e = item; e < TILE_M * TILE_K; e += ITEMS) {
            const int k = e % TILE_K, i = e / TILE_K;
            const int inside = first_row + i < ROWS && step + k < end;
            a_tile[k][i] = inside ? a[(first_row + i) * A_ROW + inner_spots[k].a] : 0.0f;
        }
#pragma unroll
        for (uint e = item; e < TILE_N * TILE_K; e += ITEMS) {
            const int k = B_ALONG_INNER ? e % TILE_K : e / TILE_N, j = B_ALONG_INNER ? e / TILE_K : e % TILE_N;
            b_tile[k][j] = element_of_b(b, inner_spots[k], column_spots[j], SHAPE);
        }
        barrier(CLK_LOCAL_MEM_FENCE); // the tiles are complete

        // Multiply. The columns of a work-item are fours, 64 apart, so that 16 neighbors read 64 numbers in a row.
        for (int k = 0; k < TILE_K; k++) {
            __local const float4 *b_row = (__local const float4 *)b_tile[k];
#pragma unroll
            for (int j = 0; j < ITEM_N; j++) {
                const float4 four = b_row[j * 16 + lx];
#pragma unroll
                for (int i = 0; i < ITEM_M; i++)
                    sums[i][j] += a_tile[k][ly * ITEM_M + i] * four;
            }
        }
    }

    out += get_group_id(2) * ROWS * COLUMNS;
#pragma unroll
    for (int i = 0; i < ITEM_M; i++) {
        const int row = first_row + ly * ITEM_M + i;
        const float plus = has_bias && row < ROWS ? bias[row] : 0.0f;
#pragma unroll
        for (int j = 0; j < ITEM_N; j++) {
            float four[4];
            vstore4(sums[i][j] + plus, 0, four);
            for (int e = 0; e < 4; e++) {
                const int column = first_column + (j * 16 + lx) * 4 + e;
                if (row < ROWS && column < COLUMNS)
                    out[(column / PLANE * ROWS + row) * PLANE + column % PLANE] = four[e];
            }
        }
    }
}
