// The gradient of batch norm's weight, dw = sum of dy (x - mean) / sqrt(variance + epsilon), one workgroup a channel.
// Mean and variance are two bindings, or one that holds both.

override EPSILON: f32 = 1e-5;

struct Dims {
    n: u32,
    c: u32,
    plane: u32,
    variance_at: u32, // index of the first variance in its binding
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> dw: array<f32>;
@group(0) @binding(5) var<uniform> dims: Dims;

var<workgroup> partial: array<f32, 64>;

// The sum of every invocation's value, for all of them.
fn total(local: u32, value: f32) -> f32 {
    partial[local] = value;
    workgroupBarrier();
    for (var step = 32u; step > 0u; step /= 2u) {
        if (local < step) { partial[local] += partial[local + step]; }
        workgroupBarrier();
    }
    let sum = partial[0];
    workgroupBarrier();
    return sum;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let c = workgroup.y * count.x + workgroup.x;
    if (c >= dims.c) { return; }
    let values = dims.n * dims.plane;
    var sum = 0.0;
    for (var i = local; i < values; i += 64u) {
        let at = (i / dims.plane * dims.c + c) * dims.plane + i % dims.plane;
        sum += dy[at] * (x[at] - mean[c]);
    }
    sum = total(local, sum);
    if (local == 0u) { dw[c] = sum / sqrt(variance[dims.variance_at + c] + EPSILON); }
}
