// The mean of every bin of a fixed number of bins, which overlap where sizes do not divide and repeat where there are more
// bins than pixels. One invocation makes one output value.

struct Dims {
    len: u32, // of the output: n * c * oh * ow
    ih: u32,
    iw: u32,
    oh: u32,
    ow: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> dims: Dims;

// The first pixel of bin `i`, and the one after its last.
fn bin(i: u32, count: u32, size: u32) -> vec2u {
    return vec2u(i * size / count, ((i + 1u) * size + count - 1u) / count);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let rows = bin((index / dims.ow) % dims.oh, dims.oh, dims.ih);
    let columns = bin(index % dims.ow, dims.ow, dims.iw);
    let plane = index / (dims.ow * dims.oh) * dims.ih * dims.iw;
    var sum = 0.0;
    for (var ih = rows.x; ih < rows.y; ih++) {
        for (var iw = columns.x; iw < columns.y; iw++) {
            sum += x[plane + ih * dims.iw + iw];
        }
    }
    y[index] = sum / f32((rows.y - rows.x) * (columns.y - columns.x));
}
