// y_c = exp(x_c) / sum_k exp(x_k) over the channels; one invocation takes one pixel of one picture.

struct Dims {
    pixels: u32, // of all pictures: n * h * w
    c: u32,
    plane: u32,
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
    if (index >= dims.pixels) { return; }
    let first = index / dims.plane * dims.c * dims.plane + index % dims.plane;
    // Shifted by the maximum, so that no exponential overflows.
    var largest = x[first];
    for (var c = 1u; c < dims.c; c++) {
        largest = max(largest, x[first + c * dims.plane]);
    }
    var sum = 0.0;
    for (var c = 0u; c < dims.c; c++) {
        sum += exp(x[first + c * dims.plane] - largest);
    }
    for (var c = 0u; c < dims.c; c++) {
        y[first + c * dims.plane] = exp(x[first + c * dims.plane] - largest) / sum;
    }
}
