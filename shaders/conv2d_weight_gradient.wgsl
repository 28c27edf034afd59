// The gradient of a convolution by its weight as it is defined, for any stride, padding and number of groups. One
// invocation makes one value of dw:
//
//   dw[o, c, kh, kw] = sum over n, oh, ow of dy[n, o, oh, ow]
//     * x[n, g + c, oh * stride_h + kh - top, ow * stride_w + kw - left]
//
// with g the first input channel of o's group.

struct Dims {
    len: u32, // of dw: o * group_in * kh * kw
    n: u32,
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

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let kw = index % dims.kw;
    let kh = (index / dims.kw) % dims.kh;
    let c = (index / (dims.kw * dims.kh)) % dims.group_in;
    let o = index / (dims.kw * dims.kh * dims.group_in);
    let channel = o / dims.group_out * dims.group_in + c;
    var sum = 0.0;
    for (var n = 0u; n < dims.n; n++) {
        for (var oh = 0u; oh < dims.oh; oh++) {
            // A row before the image wraps around to a large number, which is beyond the last row as well.
            let ih = oh * dims.stride_h + kh - dims.top;
            if (ih >= dims.ih) { continue; }
            for (var ow = 0u; ow < dims.ow; ow++) {
                let iw = ow * dims.stride_w + kw - dims.left;
                if (iw >= dims.iw) { continue; }
                sum += dy[((n * dims.o + o) * dims.oh + oh) * dims.ow + ow]
                    * x[((n * dims.c + channel) * dims.ih + ih) * dims.iw + iw];
            }
        }
    }
    dw[index] = sum;
}
