// Some channels of all: what a concatenation hands back to one of its inputs.

struct Dims {
    len: u32, // of y
    y_image: u32, // values of one picture
    x_image: u32,
    first: u32, // of them that belong to y
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    y[index] = x[index / dims.y_image * dims.x_image + dims.first + index % dims.y_image];
}
