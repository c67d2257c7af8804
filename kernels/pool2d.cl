/* Max and average pooling, and their gradients.
 *
 *   max   y[n,c,oy,ox] = the largest x in the window; padding counts as minus infinity
 *         winners[n,c,oy,ox] = where it stood (iy*W + ix); of equal values the first in reading order wins;
 *         a NaN in the window wins over everything, so that a broken value is not hidden
 *   avg   y[n,c,oy,ox] = the sum of x in the window / the number of its cells, padding counted or not
 *
 * The window of output (oy,ox) starts at (oy*stride_y - pad_top, ox*stride_x - pad_left) and is
 * window_y x window_x large. Layouts, row-major float32: x, dx (planes,H,W); y, dy (planes,OH,OW), where
 * planes = N*C: pooling treats every channel of every image alike.
 * _plain: global size (OW, OH, planes) forward and (W, H, planes) backward, one work-item per number written. Backward
 * gathers: each input pixel looks at every window it was part of. _blocked: see below.
 */
#define POOL2D_SHAPE \
    const int planes, const int H, const int W, const int OH, const int OW, const int window_y, const int window_x, \
        const int stride_y, const int stride_x, const int pad_top, const int pad_left

__kernel void max_pool2d_forward_plain(__global const float *x, __global float *y, __global int *winners, POOL2D_SHAPE)
{
    const int ox = get_global_id(0), oy = get_global_id(1), plane = get_global_id(2);
    if (ox >= OW || oy >= OH || plane >= planes)
        return;

    const int top = max(oy * stride_y - pad_top, 0), bottom = min(oy * stride_y - pad_top + window_y, H);
    const int left = max(ox * stride_x - pad_left, 0), right = min(ox * stride_x - pad_left + window_x, W);
    int winner = top * W + left;
    float best = x[plane * H * W + winner];
    for (int iy = top; iy < bottom; iy++) {
        for (int ix = left; ix < right; ix++) {
            const float value = x[(plane * H + iy) * W + ix];
            // ">" and not ">=": the first of equal values stays. The second half lets the first NaN win.
            if (value > best || (isnan(value) && !isnan(best))) {
                best = value;
                winner = iy * W + ix;
            }
        }
    }
    const int out = (plane * OH + oy) * OW + ox;
    y[out] = best;
    winners[out] = winner;
}

__kernel void max_pool2d_backward_plain(__global const float *dy, __global const int *winners, __global float *dx,
                                        POOL2D_SHAPE)
{
    const int ix = get_global_id(0), iy = get_global_id(1), plane = get_global_id(2);
    if (ix >= W || iy >= H || plane >= planes)
        return;

    // The windows that hold row iy are those with oy*stride_y <= iy + pad_top < oy*stride_y + window_y.
    const int ty = iy + pad_top, tx = ix + pad_left;
    const int first_oy = ty < window_y ? 0 : (ty - window_y) / stride_y + 1;
    const int first_ox = tx < window_x ? 0 : (tx - window_x) / stride_x + 1;
    float sum = 0.0f;
    for (int oy = first_oy; oy < OH && oy * stride_y <= ty; oy++) {
        for (int ox = first_ox; ox < OW && ox * stride_x <= tx; ox++) {
            const int out = (plane * OH + oy) * OW + ox;
            if (winners[out] == iy * W + ix)
                sum += dy[out]; // one pixel may win several overlapping windows: it gets all their gradients
        }
    }
    dx[(plane * H + iy) * W + ix] = sum;
}

/* How many cells an average divides by: all of the window's, or only those inside the picture. */
float cells_of_window(const int oy, const int ox, const int H, const int W, const int window_y, const int window_x,
                      const int stride_y, const int stride_x, const int pad_top, const int pad_left,
                      const int count_include_pad)
{
    if (count_include_pad)
        return (float)window_y * window_x; // as whole numbers, those of a huge window would overflow
    const int top = max(oy * stride_y - pad_top, 0), bottom = min(oy * stride_y - pad_top + window_y, H);
    const int left = max(ox * stride_x - pad_left, 0), right = min(ox * stride_x - pad_left + window_x, W);
    return (float)(bottom - top) * (right - left); // a float already here: PoCL 6's compiler ends Python otherwise
}

__kernel void avg_pool2d_forward_plain(__global const float *x, __global float *y, const int count_include_pad,
                                       POOL2D_SHAPE)
{
    const int ox = get_global_id(0), oy = get_global_id(1), plane = get_global_id(2);
    if (ox >= OW || oy >= OH || plane >= planes)
        return;

    const int top = max(oy * stride_y - pad_top, 0), bottom = min(oy * stride_y - pad_top + window_y, H);
    const int left = max(ox * stride_x - pad_left, 0), right = min(ox * stride_x - pad_left + window_x, W);
    float sum = 0.0f;
    for (int iy = top; iy < bottom; iy++)
        for (int ix = left; ix < right; ix++)
            sum += x[(plane * H + iy) * W + ix];
    const float cells = cells_of_window(oy, ox, H, W, window_y, window_x, stride_y, stride_x, pad_top, pad_left,
                                        count_include_pad);
    y[(plane * OH + oy) * OW + ox] = sum / cells;
}

__kernel void avg_pool2d_backward_plain(__global const float *dy, __global float *dx, const int count_include_pad,
                                        POOL2D_SHAPE)
{
    const int ix = get_global_id(0), iy = get_global_id(1), plane = get_global_id(2);
    if (ix >= W || iy >= H || plane >= planes)
        return;

    const int ty = iy + pad_top, tx = ix + pad_left;
    const int first_oy = ty < window_y ? 0 : (ty - window_y) / stride_y + 1;
    const int first_ox = tx < window_x ? 0 : (tx - window_x) / stride_x + 1;
    float sum = 0.0f;
    for (int oy = first_oy; oy < OH && oy * stride_y <= ty; oy++)
        for (int ox = first_ox; ox < OW && ox * stride_x <= tx; ox++)
            sum += dy[(plane * OH + oy) * OW + ox] / cells_of_window(oy, ox, H, W, window_y, window_x, stride_y,
                                                                     stride_x, pad_top, pad_left, count_include_pad);
    dx[(plane * H + iy) * W + ix] = sum;
}

/* _blocked: one work-item does a whole plane, which is what a core of a CPU likes: long runs of neighboring numbers.
 *
 * Forward, windows 2 apart without padding (the usual pooling) are computed four at a time: of eight neighboring
 * columns the even ones belong to the same place of four windows. Backward, the work-item owns its plane, so it may
 * scatter: it clears the plane and adds each gradient where its winner stood, in reading order, so the same input gives
 * the same bits.
 * Global size (planes), local size 1.
 */
#ifdef __clang__ // vectors that may lie anywhere: one plain load or store instruction each
typedef float floats_anywhere __attribute__((ext_vector_type(4), aligned(4)));
typedef int ints_anywhere __attribute__((ext_vector_type(4), aligned(4)));
#define LOAD4(p) (*(__global const floats_anywhere *)(p))
#define STORE4(p, v) (*(__global floats_anywhere *)(p) = (v))
#define STORE4_INT(p, v) (*(__global ints_anywhere *)(p) = (v))
#else
#define LOAD4(p) vload4(0, p)
#define STORE4(p, v) vstore4(v, 0, p)
#define STORE4_INT(p, v) vstore4(v, 0, p)
#endif

__kernel void max_pool2d_forward_blocked(__global const float *x, __global float *y, __global int *winners,
                                         POOL2D_SHAPE)
{
    const int plane = get_global_id(0);
    const int four_at_a_time = stride_x == 2 && pad_left == 0 && pad_top == 0 && OW >= 4;
    x += plane * H * W;
    y += plane * OH * OW;
    winners += plane * OH * OW;

    for (int oy = 0; oy < OH; oy++) {
        const int first_y = oy * stride_y - pad_top;
        const int top = first_y < 0 ? 0 : first_y, bottom = first_y + window_y > H ? H : first_y + window_y;
        for (int column = 0; column < OW && four_at_a_time; column += 4) {
            const int ox = column + 4 > OW ? OW - 4 : column; // the last four overlap those before them
            int4 winner = top * W + 2 * (ox + (int4)(0, 1, 2, 3));
            float4 best = -INFINITY;
            for (int iy = top; iy < bottom; iy++) {
                for (int wx = 0; wx < window_x; wx++) {
                    __global const float *here = x + iy * W + 2 * ox + wx;
                    const float4 low = LOAD4(here), high = LOAD4(here + 3); // columns 0 to 3, and 3 to 6
                    const float4 value = (float4)(low.s0, low.s2, high.s1, high.s3);
                    const int4 place = iy * W + wx + 2 * (ox + (int4)(0, 1, 2, 3));
                    const int4 better = (value > best) | ((value != value) & (best == best)); // NaN is not itself
                    best = better ? value : best;
                    winner = better ? place : winner;
                }
            }
            STORE4(y + oy * OW + ox, best);
            STORE4_INT(winners + oy * OW + ox, winner);
        }
        for (int ox = 0; ox < OW && !four_at_a_time; ox++) {
            const int first_x = ox * stride_x - pad_left;
            const int left = first_x < 0 ? 0 : first_x, right = first_x + window_x > W ? W : first_x + window_x;
            int winner = top * W + left;
            float best = x[winner];
            for (int iy = top; iy < bottom; iy++) {
                for (int ix = left; ix < right; ix++) {
                    const float value = x[iy * W + ix];
                    if (value > best || (value != value && best == best)) {
                        best = value;
                        winner = iy * W + ix;
                    }
                }
            }
            y[oy * OW + ox] = best;
            winners[oy * OW + ox] = winner;
        }
    }
}

/* With relu = 1 the gradient goes on through a ReLU before the pooling: only where the winner y is above 0. */
__kernel void max_pool2d_backward_blocked(__global const float *dy, __global const int *winners,
                                          __global const float *y, const int relu, __global float *dx, POOL2D_SHAPE)
{
    const int plane = get_global_id(0), apart = stride_y >= window_y && stride_x >= window_x;
    dx += plane * H * W;
    for (int i = 0; i < H * W; i++)
        dx[i] = 0.0f;
    const int end = (plane + 1) * OH * OW;
    for (int i = plane * OH * OW; i < end; i += 4) {
        // Four slopes at a time: deciding one by one, in no order that a processor could foresee, is slow.
        const int first = i + 4 > end ? (end >= 4 ? end - 4 : 0) : i; // the last four overlap those before them
        float slopes[4] __attribute__((aligned(16)));
        if (first + 4 <= end) {
            const float4 given = LOAD4(dy + first), peak = LOAD4(y + first);
            const float4 kept = peak > 0.0f ? given : peak <= 0.0f ? (float4)(0.0f) : peak; // neither: y is NaN
            *(float4 *)slopes = relu ? kept : given;
        } else {
            for (int e = 0; e < end; e++)
                slopes[e] = !relu || y[e] > 0.0f ? dy[e] : y[e] <= 0.0f ? 0.0f : y[e];
        }
        for (int at = i; at < first + 4 && at < end; at++) {
            const int winner = winners[at];
            if ((uint)winner < (uint)(H * W))
                dx[winner] = apart ? slopes[at - first] : dx[winner] + slopes[at - first]; // apart: none wins twice
        }
    }
}
