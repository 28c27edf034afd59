// Convolution of one group as an implicit matrix product, 8 output channels by 4 pixels in registers of each invocation,
// without workgroup memory, from weights in half precision: half the bytes to keep and to read. Every loaded weight serves
// 4 products, every loaded pixel 8; a batch norm's factors come after the sums, so that weights are what a file has.
//
// Neighbouring invocations hold neighbouring pixels, so that their loads are one transaction. Accumulators are named,
// because an indexed array of them would live in memory: aI_J sums output channels 4 I to 4 I + 3 at pixel J. A small tile,
// for layers of few channels and pixels.

override BIAS: bool = false;
override RESIDUAL: bool = false;
override ACTIVATION: u32 = 0u; // 0 none, 1 ReLU, 2 ReLU6, 3 tanh, 4 sigmoid
// Invocations of a workgroup along pixels and along output channels.
override WIDTH: u32 = 16u;
override HEIGHT: u32 = 4u;

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

// Where a pixel of the output looks: the first value of its picture, and the row and column of its window's corner.
struct Pixel {
    image: u32,
    row: u32,
    column: u32,
}

fn locate(index: u32) -> Pixel {
    // Beyond the last pixel the work is done again and not written.
    let p = min(index, dims.pixels - 1u);
    let plane = dims.oh * dims.ow;
    let row = (p % plane) / dims.ow * dims.stride_h - dims.top;
    let column = p % dims.ow * dims.stride_w - dims.left;
    return Pixel(p / plane * dims.c * dims.ih * dims.iw, row, column);
}

// The offset of the value under one tap of the window, or none. Before the image, a row or column wraps around to a
// large number, which is beyond the last one as well.
const NONE: u32 = 0xffffffffu;
fn under(pixel: Pixel, kh: u32, kw: u32) -> u32 {
    let ih = pixel.row + kh;
    let iw = pixel.column + kw;
    return select(NONE, pixel.image + ih * dims.iw + iw, ih < dims.ih && iw < dims.iw);
}

// The largest finite number: no limit.
const LARGEST = 0x1.fffffep+127f;

// Arguments are clamped where the result no longer changes, because large ones overflow on some devices.
fn activate(v: vec4f) -> vec4f {
    if (ACTIVATION == 3u) { return tanh(clamp(v, vec4f(-15.0), vec4f(15.0))); }
    if (ACTIVATION == 4u) { return 1.0 / (1.0 + exp(-clamp(v, vec4f(-80.0), vec4f(80.0)))); }
    let low = select(-LARGEST, 0.0, ACTIVATION != 0u);
    let high = select(LARGEST, 6.0, ACTIVATION == 2u);
    return clamp(v, vec4f(low), vec4f(high));
}

// Four output channels from `o` at the pixel whose first of them is `at`; `plane` values are between channels.
fn store(o: u32, at: u32, plane: u32, sum: vec4f) {
    // Beyond the last channel factor and bias do not matter, nothing is stored there.
    var v = sum * vec4f(factors[o], factors[o + 1u], factors[o + 2u], factors[o + 3u]);
    if (BIAS) { v += vec4f(b[o], b[o + 1u], b[o + 2u], b[o + 3u]); }
    if (RESIDUAL) {
        v += vec4f(residual[at], residual[at + plane], residual[at + 2u * plane], residual[at + 3u * plane]);
    }
    v = activate(v);
    y[at] = v.x;
    if (o + 1u < dims.o) { y[at + plane] = v.y; }
    if (o + 2u < dims.o) { y[at + 2u * plane] = v.z; }
    if (o + 3u < dims.o) { y[at + 3u * plane] = v.w; }
}

// The weights of four output channels.
fn weight(at: u32) -> vec4f {
    let words = w[at];
    return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}

@compute @workgroup_size(WIDTH, HEIGHT)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_id) local: vec3u,
) {
    let first = (workgroup.y * count.x + workgroup.x) * WIDTH * 4u + local.x;
    let o = (workgroup.z * HEIGHT + local.y) * 8u;
    if (first >= dims.pixels || o >= dims.o) { return; }
    let p0 = locate(first + 0u * WIDTH);
    let p1 = locate(first + 1u * WIDTH);
    let p2 = locate(first + 2u * WIDTH);
    let p3 = locate(first + 3u * WIDTH);

    var a0_0 = vec4f(); var a0_1 = vec4f(); var a0_2 = vec4f(); var a0_3 = vec4f();
    var a1_0 = vec4f(); var a1_1 = vec4f(); var a1_2 = vec4f(); var a1_3 = vec4f();

    let plane = dims.ih * dims.iw;
    var at = o / 4u;
    for (var kh = 0u; kh < dims.kh; kh++) {
        for (var kw = 0u; kw < dims.kw; kw++) {
            var u0 = under(p0, kh, kw);
            var u1 = under(p1, kh, kw);
            var u2 = under(p2, kh, kw);
            var u3 = under(p3, kh, kw);
            let in0 = u0 != NONE;
            let in1 = u1 != NONE;
            let in2 = u2 != NONE;
            let in3 = u3 != NONE;
            u0 = select(0u, u0, in0);
            u1 = select(0u, u1, in1);
            u2 = select(0u, u2, in2);
            u3 = select(0u, u3, in3);
            for (var c = 0u; c < dims.c; c++) {
                let x0 = select(0.0, x[u0], in0);
                let x1 = select(0.0, x[u1], in1);
                let x2 = select(0.0, x[u2], in2);
                let x3 = select(0.0, x[u3], in3);
                let w0 = weight(at);
                a0_0 = fma(w0, vec4f(x0), a0_0); a0_1 = fma(w0, vec4f(x1), a0_1); a0_2 = fma(w0, vec4f(x2), a0_2); a0_3 = fma(w0, vec4f(x3), a0_3);
                let w1 = weight(at + 1u);
                a1_0 = fma(w1, vec4f(x0), a1_0); a1_1 = fma(w1, vec4f(x1), a1_1); a1_2 = fma(w1, vec4f(x2), a1_2); a1_3 = fma(w1, vec4f(x3), a1_3);
                u0 += plane; u1 += plane; u2 += plane; u3 += plane;
                at += dims.row;
            }
            // To the next tap, over the channels that only pad.
            at += ((dims.c + 3u) / 4u * 4u - dims.c) * dims.row;
        }
    }

    // A loop, because the same code for every vector of the tile would take long to compile.
    var tile = array<vec4f, 8>(
        a0_0, a1_0,
        a0_1, a1_1,
        a0_2, a1_2,
        a0_3, a1_3,
    );
    let out = dims.oh * dims.ow;
    for (var j = 0u; j < 4u; j++) {
        let p = first + j * WIDTH;
        if (p >= dims.pixels) { break; }
        let corner = (p / out * dims.o + o) * out + p % out;
        for (var i = 0u; i < 2u && o + 4u * i < dims.o; i++) {
            store(o + 4u * i, corner + 4u * i * out, out, tile[j * 2u + i]);
        }
    }
}
