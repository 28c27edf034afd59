// The gradient of batch norm by running statistics: dx = dy weight / sqrt(variance + epsilon), per channel.

override EPSILON: f32 = 1e-5;

struct Dims {
    len: u32,
    c: u32,
    plane: u32,
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> variance: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let c = (index / dims.plane) % dims.c;
    dx[index] = dy[index] * weight[c] / sqrt(variance[c] + EPSILON);
}
