// Sums of squares for the norm of many tensors: every lane adds up each dims.lanes-th value, to what the tensors before
// have left there. One invocation a lane, without a barrier.

override BEFORE: bool = false;

struct Dims {
    len: u32, // of x
    lanes: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> before: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let lane = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (lane >= dims.lanes) { return; }
    var sum = 0.0;
    if (BEFORE) { sum = before[lane]; }
    for (var i = lane; i < dims.len; i += dims.lanes) { sum += x[i] * x[i]; }
    y[lane] = sum;
}
