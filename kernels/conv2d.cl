/* Two-dimensional convolution as deep learning means it (cross-correlation), and its two gradients.
 *
 *   forward           y[n,k,oy,ox] = b[k] + sum over c,r,s of  w[k,c,r,s] * x[n,c,iy,ix]
 *                     with iy = oy*stride_y + r*dilation_y - pad_top,  ix = ox*stride_x + s*dilation_x - pad_left
 *                     and x = 0 outside the picture (the padding)
 *   backward_data     dx[n,c,iy,ix] = sum of w[k,c,r,s] * dy[n,k,oy,ox] over every window that read x[n,c,iy,ix]
 *   backward_weight   dw[k,c,r,s]   = sum over n,oy,ox of dy[n,k,oy,ox] * x[n,c,iy,ix]
 *   backward_bias     db[k]         = sum over n,oy,ox of dy[n,k,oy,ox]
 *
 * Layouts, all row-major float32: x (N,C,H,W), w (K,C,R,S), b (K), y and dy (N,K,OH,OW).
 * Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, draws every case.
 *
 * _plain: one work-item computes one number of the result, all by itself, exactly as the formula says.
 * It gathers (reads what it needs) and never scatters, so no two work-items write to one place and the
 * same input gives the same bits every time. Sums run row by row: adding short sums loses fewer digits
 * than one long one.
 */

/* What every kernel below needs to know of the shapes; the launch in cnnkit/ops/conv.py has the same order. */
#define CONV2D_SHAPE \
    const int N, const int C, const int H, const int W, const int K, const int R, const int S, const int OH, \
        const int OW, const int stride_y, const int stride_x, const int pad_top, const int pad_left, \
        const int dilation_y, const int dilation_x

/* Global size (OW, OH, N*K): one work-item per output pixel. */
__kernel void conv2d_forward_plain(__global const float *x, __global const float *w, __global const float *b,
                                   const int has_bias, __global float *y, CONV2D_SHAPE)
{
    const int ox = get_global_id(0), oy = get_global_id(1);
    const int n = get_global_id(2) / K, k = get_global_id(2) % K;
    if (ox >= OW || oy >= OH || n >= N)
        return; // the global size is rounded up to whole work-groups

    float sum = 0.0f;
    for (int c = 0; c < C; c++) {
        for (int r = 0; r < R; r++) {
            const int iy = oy * stride_y + r * dilation_y - pad_top;
            float row_sum = 0.0f;
            for (int s = 0; s < S; s++) {
                const int ix = ox * stride_x + s * dilation_x - pad_left;
                const int inside = iy >= 0 && iy < H && ix >= 0 && ix < W;
                const float pixel = inside ? x[((n * C + c) * H + iy) * W + ix] : 0.0f; // 0: the padding
                row_sum += w[((k * C + c) * R + r) * S + s] * pixel;
            }
            sum += row_sum;
        }
    }
    y[((n * K + k) * OH + oy) * OW + ox] = has_bias ? sum + b[k] : sum;
}

/* Global size (W, H, N*C): one work-item per input pixel, which asks: which outputs did I take part in? */
__kernel void conv2d_backward_data_plain(__global const float *dy, __global const float *w, __global float *dx,
                                         CONV2D_SHAPE)
{
    const int ix = get_global_id(0), iy = get_global_id(1);
    const int n = get_global_id(2) / C, c = get_global_id(2) % C;
    if (ix >= W || iy >= H || n >= N)
        return;

    float sum = 0.0f;
    for (int k = 0; k < K; k++) {
        for (int r = 0; r < R; r++) {
            // Through tap (r,s) this pixel reached output (oy,ox) only if the stride lands on it.
            const int ty = iy + pad_top - r * dilation_y;
            const int oy = ty / stride_y;
            if (ty < 0 || oy * stride_y != ty || oy >= OH)
                continue;
            float row_sum = 0.0f;
            for (int s = 0; s < S; s++) {
                const int tx = ix + pad_left - s * dilation_x;
                const int ox = tx / stride_x;
                if (tx >= 0 && ox * stride_x == tx && ox < OW)
                    row_sum += w[((k * C + c) * R + r) * S + s] * dy[((n * K + k) * OH + oy) * OW + ox];
            }
            sum += row_sum;
        }
    }
    dx[((n * C + c) * H + iy) * W + ix] = sum;
}

/* Global size (S, R, K*C): one work-item per weight, which correlates the input with the output's gradient. */
__kernel void conv2d_backward_weight_plain(__global const float *dy, __global const float *x, __global float *dw,
                                           CONV2D_SHAPE)
{
    const int s = get_global_id(0), r = get_global_id(1);
    const int k = get_global_id(2) / C, c = get_global_id(2) % C;
    if (s >= S || r >= R || k >= K)
        return;

    float sum = 0.0f;
    for (int n = 0; n < N; n++) {
        float image_sum = 0.0f;
        for (int oy = 0; oy < OH; oy++) {
            const int iy = oy * stride_y + r * dilation_y - pad_top;
            float row_sum = 0.0f;
            for (int ox = 0; ox < OW; ox++) {
                const int ix = ox * stride_x + s * dilation_x - pad_left;
                const int inside = iy >= 0 && iy < H && ix >= 0 && ix < W;
                const float pixel = inside ? x[((n * C + c) * H + iy) * W + ix] : 0.0f;
                row_sum += dy[((n * K + k) * OH + oy) * OW + ox] * pixel;
            }
            image_sum += row_sum;
        }
        sum += image_sum;
    }
    dw[((k * C + c) * R + r) * S + s] = sum;
}

/* Global size (K): one work-item per output channel. */
__kernel void conv2d_backward_bias_plain(__global const float *dy, __global float *db, const int N, const int K,
                                         const int plane)
{
    const int k = get_global_id(0);
    if (k >= K)
        return;

    float sum = 0.0f;
    for (int n = 0; n < N; n++) {
        float plane_sum = 0.0f;
        for (int i = 0; i < plane; i++)
            plane_sum += dy[(n * K + k) * plane + i];
        sum += plane_sum;
    }
    db[k] = sum;
}
