// dx_c = y_c (dy_c - sum_k y_k dy_k) over the channels of every pixel. One invocation makes one pixel.

struct Dims {
    len: u32, // pixels of all pictures
    c: u32,
    plane: u32,
}

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let first = index / dims.plane * dims.c * dims.plane + index % dims.plane;
    var sum = 0.0;
    for (var c = 0u; c < dims.c; c++) {
        sum += y[first + c * dims.plane] * dy[first + c * dims.plane];
    }
    for (var c = 0u; c < dims.c; c++) {
        let at = first + c * dims.plane;
        dx[at] = y[at] * (dy[at] - sum);
    }
}
