/* Convolution as a matrix product: the patches of an image laid out as a matrix, one column per patch.
 *
 *   im2col   columns[n, (c,r,s), (oy,ox)] = x[n,c,iy,ix]
 *   col2im   dx[n,c,iy,ix] = sum of dcolumns[n, (c,r,s), (oy,ox)] over every patch that holds the pixel
 *
 * with iy = oy*stride_y + r*dilation_y - pad_top, ix likewise, and 0 outside the picture. With the filters w as a
 * (K, C*R*S) matrix, all three convolutions are then products that matmul_blocked (matmul.cl) computes:
 *   forward           y[n] = w columns[n]
 *   backward_data     dcolumns[n] = w^T dy[n]
 *   backward_weight   dw^T = sum over n of columns[n] dy[n]^T
 * The idea: one fast matrix product serves every convolution. The price: a pixel is written once for each of the
 * R*S patches it lies in. Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for
 * Document Processing", 2006.
 *
 * Layouts: x (N,C,H,W); a matrix has C*R*S rows, `pitch` numbers apart, of OH*OW columns each. Only `images` images
 * from `first` on are handled: a large batch is done in pieces that stay in the processor's cache.
 */
#define IM2COL_SHAPE \
    const int first, const int images, const int pitch, const int C, const int H, const int W, const int R, \
        const int S, const int OH, const int OW, const int stride_y, const int stride_x, const int pad_top, \
        const int pad_left, const int dilation_y, const int dilation_x

/* Global size (C*R*S, images): one work-item writes one row of a matrix, the padding up to pitch included. */
__kernel void im2col(__global const float *x, __global float *columns, IM2COL_SHAPE)
{
    const int tap = get_global_id(0), n = get_global_id(1);
    if (tap >= C * R * S || n >= images)
        return;
    const int s = tap % S, r = tap / S % R, c = tap / (R * S);
    __global float *to = columns + (n * C * R * S + tap) * pitch;

    // Of each picture row, outputs [start, end) read inside the picture; those around them read padding.
    const int left = s * dilation_x - pad_left;
    const int start = min(OW, left < 0 ? (-left + stride_x - 1) / stride_x : 0);
    const int end = max(start, left < W ? min(OW, (W - 1 - left) / stride_x + 1) : 0);
    for (int oy = 0; oy < OH; oy++, to += OW) {
        const int iy = oy * stride_y + r * dilation_y - pad_top;
        const int inside = iy >= 0 && iy < H;
        __global const float *from = x + (((first + n) * C + c) * H + iy) * W + left;
        for (int ox = 0; ox < (inside ? start : OW); ox++)
            to[ox] = 0.0f;
        if (!inside)
            continue;
        if (stride_x == 1)
            for (int ox = start; ox < end; ox++)
                to[ox] = from[ox];
        else
            for (int ox = start; ox < end; ox++)
                to[ox] = from[ox * stride_x];
        for (int ox = end; ox < OW; ox++)
            to[ox] = 0.0f;
    }
    for (int i = 0; i < pitch - OH * OW; i++)
        to[i] = 0.0f;
}

/* Global size (W, H, images*C): one work-item per input pixel, which gathers its gradient. */
__kernel void col2im(__global const float *dcolumns, __global float *dx, IM2COL_SHAPE)
{
    const int ix = get_global_id(0), iy = get_global_id(1);
    const int n = get_global_id(2) / C, c = get_global_id(2) % C;
    if (ix >= W || iy >= H || n >= images)
        return;
    float sum = 0.0f;
    for (int r = 0; r < R; r++) {
        const int ty = iy + pad_top - r * dilation_y;
        const int oy = ty / stride_y;
        if (ty < 0 || oy * stride_y != ty || oy >= OH)
            continue;
        for (int s = 0; s < S; s++) {
            const int tx = ix + pad_left - s * dilation_x;
            const int ox = tx / stride_x;
            if (tx >= 0 && ox * stride_x == tx && ox < OW)
                sum += dcolumns[(((n * C + c) * R + r) * S + s) * pitch + oy * OW + ox];
        }
    }
    dx[(((first + n) * C + c) * H + iy) * W + ix] = sum;
}
