// The gradient of max pooling: every window hands its gradient to its largest value, the first of equal ones. One
// invocation makes one value of dx and asks every window that sees it whom it chose.

struct Dims {
    len: u32, // of dx: n * c * ih * iw
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
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

// Index of the first largest value in a window of the plane that starts at `plane`.
fn chosen(plane: u32, oh: u32, ow: u32) -> u32 {
    var best = 0xffffffffu;
    var largest = 0.0;
    for (var kh = 0u; kh < dims.kh; kh++) {
        // What lies before the padding wraps around and is beyond every limit.
        let ih = oh * dims.stride_h + kh - dims.top;
        if (ih >= dims.ih) { continue; }
        for (var kw = 0u; kw < dims.kw; kw++) {
            let iw = ow * dims.stride_w + kw - dims.left;
            if (iw >= dims.iw) { continue; }
            let at = plane + ih * dims.iw + iw;
            if (best == 0xffffffffu || x[at] > largest) {
                best = at;
                largest = x[at];
            }
        }
    }
    return best;
}

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
    let plane = index / (dims.iw * dims.ih);
    // The windows that see this pixel: from the first that has not ended before it to the last that has begun.
    let row = ih + dims.top;
    let column = iw + dims.left;
    let first_row = select(0u, (row - dims.kh) / dims.stride_h + 1u, row >= dims.kh);
    let first_column = select(0u, (column - dims.kw) / dims.stride_w + 1u, column >= dims.kw);
    let last_row = min(row / dims.stride_h + 1u, dims.oh);
    let last_column = min(column / dims.stride_w + 1u, dims.ow);
    var sum = 0.0;
    for (var oh = first_row; oh < last_row; oh++) {
        for (var ow = first_column; ow < last_column; ow++) {
            if (chosen(plane * dims.ih * dims.iw, oh, ow) == index) {
                sum += dy[(plane * dims.oh + oh) * dims.ow + ow];
            }
        }
    }
    dx[index] = sum;
}
