/* Two-dimensional convolution, the picture's pixels shared within a work-group: the forward pass of conv2d.cl.
 *
 *   y[n,k,oy,ox] = b[k] + sum over c,r,s of  w[k,c,r,s] * x[n,c,iy,ix]
 *   with iy = oy*stride_y + r*dilation_y - pad_top,  ix = ox*stride_x + s*dilation_x - pad_left
 *   and x = 0 outside the picture (the padding)
 *
 * Layouts, all row-major float32: x (N,C,H,W), w (K,C,R,S), b (K), y (N,K,OH,OW).
 *
 * The idea: neighboring outputs look at almost the same pixels. In conv2d_forward_plain each work-item fetches all
 * of its own, so a 3x3 filter fetches nearly every pixel nine times. Here a work-group computes a tile of
 * TILE_Y x TILE_X outputs, and first copies the patch of the picture that the tile looks at into local memory, one
 * channel at a time. Each pixel is fetched from far away once per group; its R*S readers find it close by. And
 * since it lies there already, every work-item uses it for FILTERS filters, not only for one.
 *
 *       the patch of a 4x4 tile, 3x3 filter, stride 1     +-----------+     36 fetches for the group,
 *       (o: under an output, .: the edge around them)     |. . . . . .|     not 16 x 9 = 144
 *                                                         |. o o o o .|
 *                                                         |. o o o o .|
 *                                                         |. o o o o .|
 *                                                         |. o o o o .|
 *                                                         |. . . . . .|
 *                                                         +-----------+
 *
 * Two barriers per channel keep the group together: nobody computes before the patch is complete, and nobody
 * replaces the patch while another still reads it. Every work-item must reach every barrier, so those whose output
 * lies outside y help with the copying, too, and only their store is left out.
 * Podlozhnyuk, "Image Convolution with CUDA", NVIDIA 2007, explains tile and edge ("apron") with pictures.
 *
 * Global size (OW, OH, N * ceil(K / FILTERS)), the first two rounded up to whole tiles; local (TILE_X, TILE_Y, 1).
 */
#ifndef TILE_X
#define TILE_X 16 // outputs of a tile, across; larger tiles share more, but hang over the edges of small pictures
#endif
#ifndef TILE_Y
#define TILE_Y 16 // and down; 16 x 16 = 256 work-items, which most devices allow (conv_tiled.py asks)
#endif
#ifndef FILTERS
#define FILTERS 4 // filters per work-item: each copied pixel is used as often; more need more registers
#endif
#ifndef PATCH
#define PATCH 1024 // numbers of local memory: at least those of the patch; the fewer, the more groups run at once
#endif

/* As in conv2d.cl; the launch in cnnkit/ops/conv_tiled.py has the same order. */
#define CONV2D_SHAPE \
    const int N, const int C, const int H, const int W, const int K, const int R, const int S, const int OH, \
        const int OW, const int stride_y, const int stride_x, const int pad_top, const int pad_left, \
        const int dilation_y, const int dilation_x

__kernel __attribute__((reqd_work_group_size(TILE_X, TILE_Y, 1)))
void conv2d_forward_tiled(__global const float *x, __global const float *w, __global const float *b,
                          const int has_bias, __global float *y, CONV2D_SHAPE)
{
    __local float patch[PATCH];

    const int lx = get_local_id(0), ly = get_local_id(1); // my place in the tile
    const int blocks = (K + FILTERS - 1) / FILTERS;
    const int n = get_global_id(2) / blocks, first_k = get_global_id(2) % blocks * FILTERS;

    // The patch: where it begins in the picture, and how much the tile's windows span together.
    const int top = get_group_id(1) * TILE_Y * stride_y - pad_top;
    const int left = get_group_id(0) * TILE_X * stride_x - pad_left;
    const int patch_h = (TILE_Y - 1) * stride_y + (R - 1) * dilation_y + 1;
    const int patch_w = (TILE_X - 1) * stride_x + (S - 1) * dilation_x + 1;

    const int last_f = K - 1 - first_k; // beyond the last filter its weights are read again, and nothing stored
    float sums[FILTERS];
#pragma unroll
    for (int f = 0; f < FILTERS; f++)
        sums[f] = 0.0f;

    for (int c = 0; c < C; c++) {
        // Together, copy the patch of channel c: neighbors copy neighboring pixels.
        __global const float *channel = x + (n * C + c) * H * W;
        for (int py = ly; py < patch_h; py += TILE_Y) {
            for (int px = lx; px < patch_w; px += TILE_X) {
                const int iy = top + py, ix = left + px;
                const int inside = iy >= 0 && iy < H && ix >= 0 && ix < W;
                patch[py * patch_w + px] = inside ? channel[iy * W + ix] : 0.0f; // 0: the padding
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE); // the patch is complete

        // Each on its own, compute: one channel's share of my outputs. Adding short sums loses fewer digits.
        __global const float *weights = w + (first_k * C + c) * R * S;
        float channel_sums[FILTERS];
#pragma unroll
        for (int f = 0; f < FILTERS; f++)
            channel_sums[f] = 0.0f;
        for (int r = 0; r < R; r++) {
            __local const float *row = patch + (ly * stride_y + r * dilation_y) * patch_w + lx * stride_x;
            for (int s = 0; s < S; s++) {
                const float pixel = row[s * dilation_x];
#pragma unroll
                for (int f = 0; f < FILTERS; f++)
                    channel_sums[f] += weights[min(f, last_f) * C * R * S + r * S + s] * pixel;
            }
        }
#pragma unroll
        for (int f = 0; f < FILTERS; f++)
            sums[f] += channel_sums[f];
        barrier(CLK_LOCAL_MEM_FENCE); // everybody has read it: the next channel may replace it
    }

    const int ox = get_global_id(0), oy = get_global_id(1);
    for (int f = 0; f < FILTERS; f++) {
        const int k = first_k + f;
        if (ox < OW && oy < OH && k < K)
            y[((n * K + k) * OH + oy) * OW + ox] = has_bias ? sums[f] + b[k] : sums[f];
    }
}
