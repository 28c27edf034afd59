// The gradient of adaptive average pooling: every bin hands equal parts of its gradient to its pixels. One invocation
// makes one value of dx; the bins that hold pixel p of s are those that pixel p of s would be a bin of.

struct Dims {
    len: u32, // of dx: n * c * ih * iw
    ih: u32,
    iw: u32,
    oh: u32,
    ow: u32,
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<uniform> dims: Dims;

// Where bin `i` of `count` begins and ends in `size` pixels.
fn start(i: u32, size: u32, count: u32) -> u32 { return i * size / count; }
fn end(i: u32, size: u32, count: u32) -> u32 { return ((i + 1u) * size + count - 1u) / count; }

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let iw = index % dims.iw;
    let ih = (index / dims.iw) % dims.ih;
    let plane = index / (dims.iw * dims.ih) * dims.oh * dims.ow;
    var sum = 0.0;
    for (var oh = start(ih, dims.oh, dims.ih); oh < end(ih, dims.oh, dims.ih); oh++) {
        let rows = end(oh, dims.ih, dims.oh) - start(oh, dims.ih, dims.oh);
        for (var ow = start(iw, dims.ow, dims.iw); ow < end(iw, dims.ow, dims.iw); ow++) {
            let columns = end(ow, dims.iw, dims.ow) - start(ow, dims.iw, dims.ow);
            sum += dy[plane + oh * dims.ow + ow] / f32(rows * columns);
        }
    }
    dx[index] = sum;
}
