// Convolution of one group as an implicit matrix product in workgroup memory: a workgroup makes 64 output channels by
// 64 pixels, its 256 invocations 4 by 4 each, in steps of 16 rows of the weight matrix [kh kw c, o] and of the
// picture's patches [kh kw c, pixel]. What one invocation loads, 16 others use: the form for devices whose workgroup
// memory is fast and whose barriers are cheap. Weights are in half precision, half the bytes to keep and to read, and a
// batch norm's factors come after the sums, so that they are what a file has.

override BIAS: bool = false;
override RESIDUAL: bool = false;
override ACTIVATION: u32 = 0u; // 0 none, 1 ReLU, 2 ReLU6, 3 tanh, 4 sigmoid

const STEP = 16u;

struct Dims {
    pixels: u32, // of the output, of all pictures: n * oh * ow
    c: u32,
    ih: u32,
    iw: u32,
    o: u32,
    oh: u32,
    ow: u32,
    kh: u32,
    kw: u32,
    stride_h: u32,
    stride_w: u32,
    top: u32,
    left: u32,
    row: u32, // vectors of four output channels in a row of w
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
// [kh, kw, c, o], both kinds of channels padded with zeros, the first of two weights in the low half of its word.
@group(0) @binding(1) var<storage, read> w: array<vec2u>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
// What the sums of each output channel are multiplied by.
@group(0) @binding(3) var<storage, read> factors: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<uniform> dims: Dims;

var<workgroup> weights: array<vec4f, 256>; // [STEP, 16 vectors of output channels]
var<workgroup> patches: array<f32, 1024>; // [STEP, 64 pixels]

// Arguments are clamped where the result no longer changes, because large ones overflow on some devices.
fn activate(v: f32) -> f32 {
    if (ACTIVATION == 1u) { return max(v, 0.0); }
    if (ACTIVATION == 2u) { return clamp(v, 0.0, 6.0); }
    if (ACTIVATION == 3u) { return tanh(clamp(v, -15.0, 15.0)); }
    if (ACTIVATION == 4u) { return 1.0 / (1.0 + exp(-clamp(v, -80.0, 80.0))); }
    return v;
}

fn store(o: u32, index: u32, sum: f32) {
    if (o >= dims.o || index >= dims.pixels) { return; }
    let plane = dims.oh * dims.ow;
    let at = (index / plane * dims.o + o) * plane + index % plane;
    var v = sum * factors[o];
    if (BIAS) { v += b[o]; }
    if (RESIDUAL) { v += residual[at]; }
    y[at] = activate(v);
}

fn store4(o: u32, index: u32, sum: vec4f) {
    store(o, index, sum.x);
    store(o + 1u, index, sum.y);
    store(o + 2u, index, sum.z);
    store(o + 3u, index, sum.w);
}

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    let pixel = (workgroup.y * count.x + workgroup.x) * 64u;
    let o4 = workgroup.z * 16u;
    let channels = (dims.c + 3u) / 4u * 4u;
    let steps = dims.kh * dims.kw * channels;

    // Each invocation loads one column of four patches, always of this pixel.
    let loaded = min(pixel + index % 64u, dims.pixels - 1u);
    let plane = dims.oh * dims.ow;
    let image = loaded / plane * dims.c;
    let row = (loaded % plane) / dims.ow * dims.stride_h - dims.top;
    let column = loaded % dims.ow * dims.stride_w - dims.left;

    var a0 = vec4f();
    var a1 = vec4f();
    var a2 = vec4f();
    var a3 = vec4f();
    for (var k = 0u; k < steps; k += STEP) {
        let kept = k + index / 16u;
        var weight = vec4f();
        if (kept < steps && o4 + index % 16u < dims.row) {
            let words = w[kept * dims.row + o4 + index % 16u];
            weight = vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
        }
        weights[index] = weight;
        for (var i = 0u; i < 4u; i++) {
            let step = k + index / 64u * 4u + i;
            let tap = step / channels;
            let c = step % channels;
            let ih = row + tap / dims.kw;
            let iw = column + tap % dims.kw;
            var value = 0.0;
            // A row before the image wraps around to a large number, which is beyond the last row as well.
            if (step < steps && c < dims.c && ih < dims.ih && iw < dims.iw) {
                value = x[((image + c) * dims.ih + ih) * dims.iw + iw];
            }
            patches[(index / 64u * 4u + i) * 64u + index % 64u] = value;
        }
        workgroupBarrier();
        for (var i = 0u; i < STEP; i++) {
            let weight = weights[i * 16u + local.y];
            a0 += weight * patches[i * 64u + local.x];
            a1 += weight * patches[i * 64u + local.x + 16u];
            a2 += weight * patches[i * 64u + local.x + 32u];
            a3 += weight * patches[i * 64u + local.x + 48u];
        }
        workgroupBarrier();
    }
    let o = (o4 + local.y) * 4u;
    store4(o, pixel + local.x, a0);
    store4(o, pixel + local.x + 16u, a1);
    store4(o, pixel + local.x + 32u, a2);
    store4(o, pixel + local.x + 48u, a3);
}
