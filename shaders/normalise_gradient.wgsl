// The gradient of batch norm by the batch's own statistics:
// dx = weight / s (dy - (db + z dw) / m) with s = sqrt(variance + epsilon), z = (x - mean) / s and m values a channel.

override EPSILON: f32 = 1e-5;

struct Dims {
    len: u32,
    c: u32,
    plane: u32,
    m: u32, // values of a channel: n * plane
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> dw: array<f32>;
@group(0) @binding(4) var<storage, read> db: array<f32>;
@group(0) @binding(5) var<storage, read> weight: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;
@group(0) @binding(7) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let c = (index / dims.plane) % dims.c;
    let deviation = sqrt(moments[dims.c + c] + EPSILON);
    let z = (x[index] - moments[c]) / deviation;
    dx[index] = weight[c] / deviation * (dy[index] - (db[c] + z * dw[c]) / f32(dims.m));
}
