/* Activation functions, applied to each number on its own, their gradients, and dropout.
 *
 *   relu         y = x where x > 0, else 0              dx = dy where x > 0, else 0
 *   leaky_relu   y = x where x > 0, else slope * x      dx = dy where x > 0, else slope * dy
 *   tanh         y = tanh(x)                            dx = dy * (1 - y^2)
 *   sigmoid      y = 1 / (1 + e^-x)                     dx = dy * y * (1 - y)
 *   dropout      y = x / (1 - p) where u >= p, else 0   dx = dy / (1 - p) at the same places
 *
 * relu and leaky_relu go back by their input, tanh and sigmoid by their output: whichever makes the formula
 * short. At exactly 0 the slope of the left side is taken. NaN stays NaN everywhere: a broken value must show.
 *
 * Buffers: flat float32 arrays of n elements. Global size ceil(n / CHUNK): a work-item does CHUNK of
 * them, EACH in turn.
 */
#ifndef CHUNK
#define CHUNK 1 // neighboring numbers per work-item: 1 on GPUs, which have many; long runs on CPUs, which have few
#endif
#define EACH(i) \
    for (int i = get_global_id(0) * CHUNK, end = n - i < CHUNK ? n : i + CHUNK; i < end; i++)

__kernel void relu_forward(__global const float *x, __global float *y, const int n)
{
    EACH(i)
        y[i] = x[i] <= 0.0f ? 0.0f : x[i]; // a comparison with NaN is false, so NaN passes through
}

__kernel void relu_backward(__global const float *dy, __global const float *x, __global float *dx, const int n)
{
    EACH(i)
        dx[i] = x[i] > 0.0f ? dy[i] : x[i] <= 0.0f ? 0.0f : x[i]; // neither: x is NaN
}

__kernel void leaky_relu_forward(__global const float *x, __global float *y, const int n, const float slope)
{
    EACH(i)
        y[i] = x[i] > 0.0f ? x[i] : slope * x[i];
}

__kernel void leaky_relu_backward(__global const float *dy, __global const float *x, __global float *dx, const int n,
                                  const float slope)
{
    EACH(i)
        dx[i] = x[i] > 0.0f ? dy[i] : x[i] <= 0.0f ? slope * dy[i] : x[i];
}

__kernel void tanh_forward(__global const float *x, __global float *y, const int n)
{
    EACH(i)
        y[i] = tanh(x[i]);
}

__kernel void tanh_backward(__global const float *dy, __global const float *y, __global float *dx, const int n)
{
    EACH(i)
        dx[i] = dy[i] * (1.0f - y[i] * y[i]);
}

__kernel void sigmoid_forward(__global const float *x, __global float *y, const int n)
{
    EACH(i)
    {
        // e^-|x| never overflows; the two forms are the same function, each where it is exact.
        const float e = exp(-fabs(x[i]));
        y[i] = x[i] < 0.0f ? e / (1.0f + e) : 1.0f / (1.0f + e);
    }
}

__kernel void sigmoid_backward(__global const float *dy, __global const float *y, __global float *dx, const int n)
{
    EACH(i)
        dx[i] = dy[i] * y[i] * (1.0f - y[i]);
}

/* A hash that turns neighboring numbers into unrelated ones: "lowbias32", Chris Wellons, "Prospecting for
 * Hash Functions", 2018. The random number of element i depends on i and the seed alone, so the backward
 * pass draws the same ones again and nothing need be stored. */
uint mix(uint v)
{
    v ^= v >> 16;
    v *= 0x7feb352du;
    v ^= v >> 15;
    v *= 0x846ca68bu;
    v ^= v >> 16;
    return v;
}

/* Serves both directions: backward is the same multiplication, of dy instead of x. */
__kernel void dropout(__global const float *x, __global float *y, const int n, const float p, const uint seed)
{
    EACH(i)
    {
        const float u = (mix((uint)i ^ mix(seed)) >> 8) * (1.0f / 16777216.0f); // 24 random bits: 0 <= u < 1
        y[i] = u >= p ? x[i] / (1.0f - p) : 0.0f;
    }
}
