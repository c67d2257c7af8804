/* What the training loop needs on the device, so that no step waits for the host.
 *
 *   take_rows     out[i,:] = values[order[start + i],:]: picks a shuffled mini-batch. Copies 32-bit words
 *                 without looking at them, so it serves float images and integer labels alike.
 *   record_step   writes a step's loss and hits to the epoch's logbook, and raises halt[0] at the first loss
 *                 that is not finite (see optimizer.cl).
 */

/* Global size (row_size, rows). */
__kernel void take_rows(__global const uint *values, __global const int *order, __global uint *out, const int start,
                        const int rows, const int row_size)
{
    const int j = get_global_id(0), i = get_global_id(1);
    if (i < rows && j < row_size)
        out[i * row_size + j] = values[order[start + i] * row_size + j];
}

/* One work-item. */
__kernel void record_step(__global const float *loss, __global const int *hits, __global float *losses,
                          __global int *all_hits, __global int *halt, const int step)
{
    if (get_global_id(0) != 0)
        return;
    losses[step] = loss[0];
    all_hits[step] = hits[0];
    if (!isfinite(loss[0]))
        halt[0] = 1;
}
