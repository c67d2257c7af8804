/* How fast can this device be at all? Two kernels that do nothing else: the ceilings of `cnnkit bench`.
 *
 *   fma_ceiling     a[j] = a[j] * b + c, over and over, in registers: arithmetic alone
 *   triad_ceiling   a[i] = b[i] + s * c[i], over arrays larger than any cache: memory alone
 *
 * A kernel that convolves cannot be faster than the first, and one that hardly computes (ReLU, adding a bias)
 * not faster than the second. McCalpin's STREAM calls the second one triad; Williams, Waterman and Patterson
 * (2009) drew both as the roof of one picture, the roofline.
 *
 * Plain arithmetic, not fma(): compilers make one instruction of it, while some OpenCL drivers for CPUs call
 * their built-ins as functions, which is ten times slower.
 */
#ifndef VECTOR
#define VECTOR 8 // numbers per vector: 8 for a CPU's registers, 4 where each work-item computes for itself
#endif
#ifndef ACCUMULATORS
#define ACCUMULATORS 12 // sums that do not wait for each other: enough to hide one instruction's delay, few
#endif                  // enough to stay in registers

#define JOIN(a, b) a##b
#define VECTOR_TYPE(n) JOIN(float, n)
typedef VECTOR_TYPE(VECTOR) vec;

/* Global size: as many items as keep the device busy; out has one vec for each. With b = 1 and c = 1 every
 * number of out is the sum over j of (j + iterations): the proof that the loop ran to its end.
 * 2 * VECTOR * ACCUMULATORS * iterations floating-point operations per item.
 */
__kernel void fma_ceiling(__global vec *out, const float b, const float c, const int iterations)
{
    vec a[ACCUMULATORS];
#pragma unroll
    for (int j = 0; j < ACCUMULATORS; j++)
        a[j] = (vec)((float)j);
    for (int i = 0; i < iterations; i++) {
#pragma unroll
        for (int j = 0; j < ACCUMULATORS; j++)
            a[j] = a[j] * b + c;
    }
    vec sum = a[0];
#pragma unroll
    for (int j = 1; j < ACCUMULATORS; j++)
        sum += a[j];
    out[get_global_id(0)] = sum;
}

/* Global size: n, the number of vecs in each array. 12 * VECTOR bytes move per item (two reads, one write). */
__kernel void triad_ceiling(__global vec *a, __global const vec *b, __global const vec *c, const float s,
                            const int n)
{
    const int i = get_global_id(0);
    if (i < n)
        a[i] = b[i] + s * c[i];
}
