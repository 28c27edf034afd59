// The gradient of a convolution by its input as it is defined, for any stride, padding and number of groups. One
// invocation makes one value of dx and collects from every output whose window saw it:
//
//   dx[n, g + c, ih, iw] = sum over o, kh, kw of w[o, c, kh, kw] * dy[n, o, oh, ow]
//
// for all o of c's group, and oh * stride_h + kh - top = ih, ow * stride_w + kw - left = iw.

struct Dims {
    len: u32, // of dx: n * c * ih * iw
    c: u32, // input channels of all groups
    ih: u32,
    iw: u32,
    o: u32, // output channels of all groups
    oh: u32,
    ow: u32,
    kh: u32,
    kw: u32,
    stride_h: u32,
    stride_w: u32,
    top: u32,
    left: u32,
    group_in: u32, // input channels of one group
    group_out: u32, // output channels of one group
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
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
    let iw = index % dims.iw;
    let ih = (index / dims.iw) % dims.ih;
    let c = (index / (dims.iw * dims.ih)) % dims.c;
    let n = index / (dims.iw * dims.ih * dims.c);
    let first = c / dims.group_in * dims.group_out;
    let taps = dims.kh * dims.kw;
    var sum = 0.0;
    for (var kh = 0u; kh < dims.kh; kh++) {
        let row = ih + dims.top;
        let oh = (row - kh) / dims.stride_h;
        if (row < kh || oh * dims.stride_h + kh != row || oh >= dims.oh) { continue; }
        for (var kw = 0u; kw < dims.kw; kw++) {
            let column = iw + dims.left;
            let ow = (column - kw) / dims.stride_w;
            if (column < kw || ow * dims.stride_w + kw != column || ow >= dims.ow) { continue; }
            for (var o = first; o < first + dims.group_out; o++) {
                let weight = w[(o * dims.group_in + c % dims.group_in) * taps + kh * dims.kw + kw];
                sum += weight * dy[((n * dims.o + o) * dims.oh + oh) * dims.ow + ow];
            }
        }
    }
    dx[index] = sum;
}
