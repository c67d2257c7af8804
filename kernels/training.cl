/* What the training loop needs on the device, so that no step waits for the host.
 *
 *   take_rows     out[i,:] = values[order[start + i],:]: picks a shuffled mini-batch. Copies 32-bit words
 *                 without looking at them, so it serves float images and integer labels alike.
 *   record_step   adds up a step's losses and hits into the epoch's logbook, and raises halt[0] at the first loss
 *                 that is not finite (see optimizer.cl).
 */
#ifndef RECORD_ITEMS
#define RECORD_ITEMS 16 // work-items of record_step's one work-group
#endif

/* Global size (row_size, rows). */
__kernel void take_rows(__global const uint *values, __global const int *order, __global uint *out, const int start,
                        const int rows, const int row_size)
{
    const int j = get_global_id(0), i = get_global_id(1);
    if (i < rows && j < row_size)
        out[i * row_size + j] = values[order[start + i] * row_size + j];
}

/* One work-group of RECORD_ITEMS work-items: each adds every RECORD_ITEMS-th value, then one adds their sums, in order,
 * so that the same values give the same bits. The loss is scale * the sum of values. */
__kernel void record_step(__global const float *values, __global const int *hits, __global float *losses,
                          __global int *all_hits, __global int *halt, const int step, const int count,
                          const int hit_count, const float scale)
{
    __local float part[RECORD_ITEMS];
    __local int hit_part[RECORD_ITEMS];
    const int item = get_local_id(0);
    part[item] = 0.0f;
    hit_part[item] = 0;
    for (int i = item; i < count; i += RECORD_ITEMS)
        part[item] += values[i];
    for (int i = item; i < hit_count; i += RECORD_ITEMS)
        hit_part[item] += hits[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item == 0) {
        float sum = 0.0f;
        int all = 0;
        for (int i = 0; i < RECORD_ITEMS; i++) {
            sum += part[i];
            all += hit_part[i];
        }
        losses[step] = scale * sum;
        all_hits[step] = all;
        if (!isfinite(scale * sum))
            halt[0] = 1;
    }
}
