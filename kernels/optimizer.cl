/* One step downhill: how a gradient changes a weight.
 *
 *   sgd    g' = g + weight_decay * w                     v = momentum * v + g'
 *          w  = w - lr * v
 *   adam   g' = g + weight_decay * w
 *          m  = beta1 * m + (1 - beta1) * g'             v = beta2 * v + (1 - beta2) * g'^2
 *          w  = w - lr * (m / correction1) / (sqrt(v / correction2) + eps)
 *          with correction = 1 - beta^t at step t = 1, 2, ...
 *
 * SGD with momentum as in Sutskever et al. 2013 (PyTorch's form); Adam: Kingma and Ba, ICLR 2015.
 * Buffers: flat float32 arrays of n elements. Global size ceil(n / CHUNK): a work-item does CHUNK
 * weights, EACH in turn.
 *
 * halt[0] is not 0 once a loss was not finite: from then on the weights stay as they are, so that the
 * network can be looked at as it was when it broke, although the steps already enqueued still run.
 */
#ifndef CHUNK
#define CHUNK 1 // neighboring numbers per work-item: 1 on GPUs, which have many; long runs on CPUs, which have few
#endif
#define EACH(i) \
    for (int i = get_global_id(0) * CHUNK, end = n - i < CHUNK ? n : i + CHUNK; i < end; i++)

__kernel void sgd_step(__global float *w, __global const float *g, __global float *v, __global const int *halt,
                       const int n, const float lr, const float momentum, const float weight_decay)
{
    if (halt[0])
        return;
    EACH(i)
    {
        v[i] = momentum * v[i] + (g[i] + weight_decay * w[i]);
        w[i] -= lr * v[i];
    }
}

__kernel void adam_step(__global float *w, __global const float *g, __global float *m, __global float *v,
                        __global const int *halt, const int n, const float lr, const float beta1, const float beta2,
                        const float eps, const float weight_decay, const float correction1, const float correction2)
{
    if (halt[0])
        return;
    EACH(i)
    {
        const float gradient = g[i] + weight_decay * w[i];
        m[i] = beta1 * m[i] + (1.0f - beta1) * gradient;
        v[i] = beta2 * v[i] + (1.0f - beta2) * gradient * gradient;
        w[i] -= lr * (m[i] / correction1) / (sqrt(v[i] / correction2) + eps);
    }
}
