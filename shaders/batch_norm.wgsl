// Batch normalisation: y = (x - mean) / sqrt(variance + epsilon) * weight + bias, per channel. Mean and variance are
// two bindings, or one that holds both.

override EPSILON: f32 = 1e-5;

struct Dims {
    len: u32,
    c: u32,
    plane: u32,
    variance_at: u32, // index of the first variance in its binding
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> variance: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let c = (index / dims.plane) % dims.c;
    y[index] = (x[index] - mean[c]) / sqrt(variance[dims.variance_at + c] + EPSILON) * weight[c] + bias[c];
}
