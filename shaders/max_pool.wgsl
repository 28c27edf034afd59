// The largest value in every window; padding never wins. One invocation makes one output value.

struct Dims {
    len: u32, // of the output: n * c * oh * ow
    ih: u32,
    iw: u32,
    oh: u32,
    ow: u32,
    kh: u32,
    kw: u32,
    stride_h: u32,
    stride_w: u32,
    top: u32,
    left: u32,
    bottom: u32,
    right: u32,
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
    let ow = index % dims.ow;
    let oh = (index / dims.ow) % dims.oh;
    let plane = index / (dims.ow * dims.oh) * dims.ih * dims.iw;
    // Rows and columns of the padded image; what lies before the padding wraps around and is beyond every limit.
    let row = oh * dims.stride_h;
    let column = ow * dims.stride_w;
    var largest = -0x1.fffffep+127f;
    for (var kh = 0u; kh < dims.kh; kh++) {
        let ih = row + kh - dims.top;
        if (ih >= dims.ih) { continue; }
        for (var kw = 0u; kw < dims.kw; kw++) {
            let iw = column + kw - dims.left;
            if (iw >= dims.iw) { continue; }
            largest = max(largest, x[plane + ih * dims.iw + iw]);
        }
    }
    y[index] = largest;
}
