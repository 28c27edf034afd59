// Convolution as it is defined, for any stride, padding and number of groups, from weights in half precision: half the
// bytes to keep and to read. One invocation makes one output value:
//
//   y[n, o, oh, ow] = activation(b[o] + residual[n, o, oh, ow]
//     + factors[o] * sum over c, kh, kw of w[o, c, kh, kw] * x[n, g + c, oh * stride_h + kh - top, ow * stride_w + kw - left])
//
// with g the first input channel of o's group and a batch norm's factors, or ones.

override BIAS: bool = false;
override RESIDUAL: bool = false;
override ACTIVATION: u32 = 0u; // 0 none, 1 ReLU, 2 ReLU6, 3 tanh, 4 sigmoid

struct Dims {
    len: u32, // of the output: n * o * oh * ow
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
// [o, c, kh, kw], the first of two weights in the low half of its word.
@group(0) @binding(1) var<storage, read> w: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
// What the sums of each output channel are multiplied by.
@group(0) @binding(3) var<storage, read> factors: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<uniform> dims: Dims;

// Arguments are clamped where the result no longer changes, because large ones overflow on some devices.
fn activate(v: f32) -> f32 {
    if (ACTIVATION == 1u) { return max(v, 0.0); }
    if (ACTIVATION == 2u) { return clamp(v, 0.0, 6.0); }
    if (ACTIVATION == 3u) { return tanh(clamp(v, -15.0, 15.0)); }
    if (ACTIVATION == 4u) { return 1.0 / (1.0 + exp(-clamp(v, -80.0, 80.0))); }
    return v;
}

fn weight(at: u32) -> f32 {
    let pair = unpack2x16float(w[at / 2u]);
    return select(pair.x, pair.y, at % 2u == 1u);
}

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
    let o = (index / (dims.ow * dims.oh)) % dims.o;
    let n = index / (dims.ow * dims.oh * dims.o);
    let first = n * dims.c + o / dims.group_out * dims.group_in;
    var sum = 0.0;
    for (var c = 0u; c < dims.group_in; c++) {
        for (var kh = 0u; kh < dims.kh; kh++) {
            // A row before the image wraps around to a large number, which is beyond the last row as well.
            let ih = oh * dims.stride_h + kh - dims.top;
            if (ih >= dims.ih) { continue; }
            for (var kw = 0u; kw < dims.kw; kw++) {
                let iw = ow * dims.stride_w + kw - dims.left;
                if (iw >= dims.iw) { continue; }
                let wide = weight(((o * dims.group_in + c) * dims.kh + kh) * dims.kw + kw);
                sum += wide * x[((first + c) * dims.ih + ih) * dims.iw + iw];
            }
        }
    }
    sum *= factors[o];
    if (BIAS) { sum += b[o]; }
    if (RESIDUAL) { sum += residual[index]; }
    y[index] = activate(sum);
}
