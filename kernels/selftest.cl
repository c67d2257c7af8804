/* Does this device compute what it should? Small kernels, each of which needs one more thing to work.
 *
 *   selftest_elementwise   c[i] = 2 a[i] + b[i]                     every work-item on its own
 *   selftest_local_sum     out[g] = sum of the work-group's items   local memory and barriers
 *   selftest_count         out[0] = number of a[i] > 0              an integer atomic
 *   selftest_loop          out[0] = n                               a loop of n rounds
 *
 * Buffers are flat float32 arrays of n elements. Local size: LOCAL_SIZE, one dimension.
 */
#ifndef LOCAL_SIZE
#define LOCAL_SIZE 64 // work-items per group; every device allows 64
#endif

__kernel void selftest_elementwise(__global const float *a, __global const float *b, __global float *c, const int n)
{
    const int i = get_global_id(0);
    if (i < n)
        c[i] = 2.0f * a[i] + b[i];
}

__kernel void selftest_local_sum(__global const float *a, __global float *out, const int n)
{
    __local float part[LOCAL_SIZE];
    const int item = get_local_id(0);
    const int i = get_global_id(0);
    part[item] = i < n ? a[i] : 0.0f;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_size = LOCAL_SIZE / 2; half_size > 0; half_size /= 2) {
        if (item < half_size)
            part[item] += part[item + half_size];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        out[get_group_id(0)] = part[0];
}

__kernel void selftest_count(__global const float *a, __global int *out, const int n)
{
    const int i = get_global_id(0);
    if (i < n && a[i] > 0.0f)
        atomic_inc(out);
}

/* A step of a random generator keeps the compiler from knowing the result without going round. */
__kernel void selftest_loop(__global int *out, const int n)
{
    uint state = 1, rounds = 0;
    while (rounds < n && state != 0) {
        state = state * 1664525u + 1013904223u | 1u;
        rounds++;
    }
    out[0] = rounds;
}
