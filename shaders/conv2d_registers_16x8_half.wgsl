// Convolution of one group as an implicit matrix product, 16 output channels by 8 pixels in registers of each invocation,
// without workgroup memory, from weights in half precision: half the bytes to keep and to read. Every loaded weight serves
// 8 products, every loaded pixel 16; a batch norm's factors come after the sums, so that weights are what a file has.
//
// Neighbouring invocations hold neighbouring pixels, so that their loads are one transaction. Accumulators are named,
// because an indexed array of them would live in memory: aI_J sums output channels 4 I to 4 I + 3 at pixel J. Four input
// channels a round, because a software adapter keeps accumulators in memory between rounds.

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
    let first = (workgroup.y * count.x + workgroup.x) * WIDTH * 8u + local.x;
    let o = (workgroup.z * HEIGHT + local.y) * 16u;
    if (first >= dims.pixels || o >= dims.o) { return; }
    let p0 = locate(first + 0u * WIDTH);
    let p1 = locate(first + 1u * WIDTH);
    let p2 = locate(first + 2u * WIDTH);
    let p3 = locate(first + 3u * WIDTH);
    let p4 = locate(first + 4u * WIDTH);
    let p5 = locate(first + 5u * WIDTH);
    let p6 = locate(first + 6u * WIDTH);
    let p7 = locate(first + 7u * WIDTH);

    var a0_0 = vec4f(); var a0_1 = vec4f(); var a0_2 = vec4f(); var a0_3 = vec4f(); var a0_4 = vec4f(); var a0_5 = vec4f(); var a0_6 = vec4f(); var a0_7 = vec4f();
    var a1_0 = vec4f(); var a1_1 = vec4f(); var a1_2 = vec4f(); var a1_3 = vec4f(); var a1_4 = vec4f(); var a1_5 = vec4f(); var a1_6 = vec4f(); var a1_7 = vec4f();
    var a2_0 = vec4f(); var a2_1 = vec4f(); var a2_2 = vec4f(); var a2_3 = vec4f(); var a2_4 = vec4f(); var a2_5 = vec4f(); var a2_6 = vec4f(); var a2_7 = vec4f();
    var a3_0 = vec4f(); var a3_1 = vec4f(); var a3_2 = vec4f(); var a3_3 = vec4f(); var a3_4 = vec4f(); var a3_5 = vec4f(); var a3_6 = vec4f(); var a3_7 = vec4f();

    let plane = dims.ih * dims.iw;
    var at = o / 4u;
    for (var kh = 0u; kh < dims.kh; kh++) {
        for (var kw = 0u; kw < dims.kw; kw++) {
            var u0 = under(p0, kh, kw);
            var u1 = under(p1, kh, kw);
            var u2 = under(p2, kh, kw);
            var u3 = under(p3, kh, kw);
            var u4 = under(p4, kh, kw);
            var u5 = under(p5, kh, kw);
            var u6 = under(p6, kh, kw);
            var u7 = under(p7, kh, kw);
            let in0 = u0 != NONE;
            let in1 = u1 != NONE;
            let in2 = u2 != NONE;
            let in3 = u3 != NONE;
            let in4 = u4 != NONE;
            let in5 = u5 != NONE;
            let in6 = u6 != NONE;
            let in7 = u7 != NONE;
            u0 = select(0u, u0, in0);
            u1 = select(0u, u1, in1);
            u2 = select(0u, u2, in2);
            u3 = select(0u, u3, in3);
            u4 = select(0u, u4, in4);
            u5 = select(0u, u5, in5);
            u6 = select(0u, u6, in6);
            u7 = select(0u, u7, in7);
            for (var c = 0u; c < dims.c; c += 4u) {
                // Beyond the last channel the weights are zeros, and the first channel of the round stands in.
                let c1 = select(0u, plane, c + 1u < dims.c);
                let c2 = select(0u, 2u * plane, c + 2u < dims.c);
                let c3 = select(0u, 3u * plane, c + 3u < dims.c);
                let x0 = select(vec4f(), vec4f(x[u0], x[u0 + c1], x[u0 + c2], x[u0 + c3]), in0);
                let x1 = select(vec4f(), vec4f(x[u1], x[u1 + c1], x[u1 + c2], x[u1 + c3]), in1);
                let x2 = select(vec4f(), vec4f(x[u2], x[u2 + c1], x[u2 + c2], x[u2 + c3]), in2);
                let x3 = select(vec4f(), vec4f(x[u3], x[u3 + c1], x[u3 + c2], x[u3 + c3]), in3);
                let x4 = select(vec4f(), vec4f(x[u4], x[u4 + c1], x[u4 + c2], x[u4 + c3]), in4);
                let x5 = select(vec4f(), vec4f(x[u5], x[u5 + c1], x[u5 + c2], x[u5 + c3]), in5);
                let x6 = select(vec4f(), vec4f(x[u6], x[u6 + c1], x[u6 + c2], x[u6 + c3]), in6);
                let x7 = select(vec4f(), vec4f(x[u7], x[u7 + c1], x[u7 + c2], x[u7 + c3]), in7);
                let w0_0 = weight(at);
                let w0_1 = weight(at + dims.row);
                let w0_2 = weight(at + 2u * dims.row);
                let w0_3 = weight(at + 3u * dims.row);
                a0_0 = fma(w0_3, vec4f(x0.w), fma(w0_2, vec4f(x0.z), fma(w0_1, vec4f(x0.y), fma(w0_0, vec4f(x0.x), a0_0))));
                a0_1 = fma(w0_3, vec4f(x1.w), fma(w0_2, vec4f(x1.z), fma(w0_1, vec4f(x1.y), fma(w0_0, vec4f(x1.x), a0_1))));
                a0_2 = fma(w0_3, vec4f(x2.w), fma(w0_2, vec4f(x2.z), fma(w0_1, vec4f(x2.y), fma(w0_0, vec4f(x2.x), a0_2))));
                a0_3 = fma(w0_3, vec4f(x3.w), fma(w0_2, vec4f(x3.z), fma(w0_1, vec4f(x3.y), fma(w0_0, vec4f(x3.x), a0_3))));
                a0_4 = fma(w0_3, vec4f(x4.w), fma(w0_2, vec4f(x4.z), fma(w0_1, vec4f(x4.y), fma(w0_0, vec4f(x4.x), a0_4))));
                a0_5 = fma(w0_3, vec4f(x5.w), fma(w0_2, vec4f(x5.z), fma(w0_1, vec4f(x5.y), fma(w0_0, vec4f(x5.x), a0_5))));
                a0_6 = fma(w0_3, vec4f(x6.w), fma(w0_2, vec4f(x6.z), fma(w0_1, vec4f(x6.y), fma(w0_0, vec4f(x6.x), a0_6))));
                a0_7 = fma(w0_3, vec4f(x7.w), fma(w0_2, vec4f(x7.z), fma(w0_1, vec4f(x7.y), fma(w0_0, vec4f(x7.x), a0_7))));
                let w1_0 = weight(at + 1u);
                let w1_1 = weight(at + dims.row + 1u);
                let w1_2 = weight(at + 2u * dims.row + 1u);
                let w1_3 = weight(at + 3u * dims.row + 1u);
                a1_0 = fma(w1_3, vec4f(x0.w), fma(w1_2, vec4f(x0.z), fma(w1_1, vec4f(x0.y), fma(w1_0, vec4f(x0.x), a1_0))));
                a1_1 = fma(w1_3, vec4f(x1.w), fma(w1_2, vec4f(x1.z), fma(w1_1, vec4f(x1.y), fma(w1_0, vec4f(x1.x), a1_1))));
                a1_2 = fma(w1_3, vec4f(x2.w), fma(w1_2, vec4f(x2.z), fma(w1_1, vec4f(x2.y), fma(w1_0, vec4f(x2.x), a1_2))));
                a1_3 = fma(w1_3, vec4f(x3.w), fma(w1_2, vec4f(x3.z), fma(w1_1, vec4f(x3.y), fma(w1_0, vec4f(x3.x), a1_3))));
                a1_4 = fma(w1_3, vec4f(x4.w), fma(w1_2, vec4f(x4.z), fma(w1_1, vec4f(x4.y), fma(w1_0, vec4f(x4.x), a1_4))));
                a1_5 = fma(w1_3, vec4f(x5.w), fma(w1_2, vec4f(x5.z), fma(w1_1, vec4f(x5.y), fma(w1_0, vec4f(x5.x), a1_5))));
                a1_6 = fma(w1_3, vec4f(x6.w), fma(w1_2, vec4f(x6.z), fma(w1_1, vec4f(x6.y), fma(w1_0, vec4f(x6.x), a1_6))));
                a1_7 = fma(w1_3, vec4f(x7.w), fma(w1_2, vec4f(x7.z), fma(w1_1, vec4f(x7.y), fma(w1_0, vec4f(x7.x), a1_7))));
                let w2_0 = weight(at + 2u);
                let w2_1 = weight(at + dims.row + 2u);
                let w2_2 = weight(at + 2u * dims.row + 2u);
                let w2_3 = weight(at + 3u * dims.row + 2u);
                a2_0 = fma(w2_3, vec4f(x0.w), fma(w2_2, vec4f(x0.z), fma(w2_1, vec4f(x0.y), fma(w2_0, vec4f(x0.x), a2_0))));
                a2_1 = fma(w2_3, vec4f(x1.w), fma(w2_2, vec4f(x1.z), fma(w2_1, vec4f(x1.y), fma(w2_0, vec4f(x1.x), a2_1))));
                a2_2 = fma(w2_3, vec4f(x2.w), fma(w2_2, vec4f(x2.z), fma(w2_1, vec4f(x2.y), fma(w2_0, vec4f(x2.x), a2_2))));
                a2_3 = fma(w2_3, vec4f(x3.w), fma(w2_2, vec4f(x3.z), fma(w2_1, vec4f(x3.y), fma(w2_0, vec4f(x3.x), a2_3))));
                a2_4 = fma(w2_3, vec4f(x4.w), fma(w2_2, vec4f(x4.z), fma(w2_1, vec4f(x4.y), fma(w2_0, vec4f(x4.x), a2_4))));
                a2_5 = fma(w2_3, vec4f(x5.w), fma(w2_2, vec4f(x5.z), fma(w2_1, vec4f(x5.y), fma(w2_0, vec4f(x5.x), a2_5))));
                a2_6 = fma(w2_3, vec4f(x6.w), fma(w2_2, vec4f(x6.z), fma(w2_1, vec4f(x6.y), fma(w2_0, vec4f(x6.x), a2_6))));
                a2_7 = fma(w2_3, vec4f(x7.w), fma(w2_2, vec4f(x7.z), fma(w2_1, vec4f(x7.y), fma(w2_0, vec4f(x7.x), a2_7))));
                let w3_0 = weight(at + 3u);
                let w3_1 = weight(at + dims.row + 3u);
                let w3_2 = weight(at + 2u * dims.row + 3u);
                let w3_3 = weight(at + 3u * dims.row + 3u);
                a3_0 = fma(w3_3, vec4f(x0.w), fma(w3_2, vec4f(x0.z), fma(w3_1, vec4f(x0.y), fma(w3_0, vec4f(x0.x), a3_0))));
                a3_1 = fma(w3_3, vec4f(x1.w), fma(w3_2, vec4f(x1.z), fma(w3_1, vec4f(x1.y), fma(w3_0, vec4f(x1.x), a3_1))));
                a3_2 = fma(w3_3, vec4f(x2.w), fma(w3_2, vec4f(x2.z), fma(w3_1, vec4f(x2.y), fma(w3_0, vec4f(x2.x), a3_2))));
                a3_3 = fma(w3_3, vec4f(x3.w), fma(w3_2, vec4f(x3.z), fma(w3_1, vec4f(x3.y), fma(w3_0, vec4f(x3.x), a3_3))));
                a3_4 = fma(w3_3, vec4f(x4.w), fma(w3_2, vec4f(x4.z), fma(w3_1, vec4f(x4.y), fma(w3_0, vec4f(x4.x), a3_4))));
                a3_5 = fma(w3_3, vec4f(x5.w), fma(w3_2, vec4f(x5.z), fma(w3_1, vec4f(x5.y), fma(w3_0, vec4f(x5.x), a3_5))));
                a3_6 = fma(w3_3, vec4f(x6.w), fma(w3_2, vec4f(x6.z), fma(w3_1, vec4f(x6.y), fma(w3_0, vec4f(x6.x), a3_6))));
                a3_7 = fma(w3_3, vec4f(x7.w), fma(w3_2, vec4f(x7.z), fma(w3_1, vec4f(x7.y), fma(w3_0, vec4f(x7.x), a3_7))));
                u0 += 4u * plane; u1 += 4u * plane; u2 += 4u * plane; u3 += 4u * plane; u4 += 4u * plane; u5 += 4u * plane; u6 += 4u * plane; u7 += 4u * plane;
                at += 4u * dims.row;
            }
        }
    }

    // A loop, because the same code for every vector of the tile would take long to compile.
    var tile = array<vec4f, 32>(
        a0_0, a1_0, a2_0, a3_0,
        a0_1, a1_1, a2_1, a3_1,
        a0_2, a1_2, a2_2, a3_2,
        a0_3, a1_3, a2_3, a3_3,
        a0_4, a1_4, a2_4, a3_4,
        a0_5, a1_5, a2_5, a3_5,
        a0_6, a1_6, a2_6, a3_6,
        a0_7, a1_7, a2_7, a3_7,
    );
    let out = dims.oh * dims.ow;
    for (var j = 0u; j < 8u; j++) {
        let p = first + j * WIDTH;
        if (p >= dims.pixels) { break; }
        let corner = (p / out * dims.o + o) * out + p % out;
        for (var i = 0u; i < 4u && o + 4u * i < dims.o; i++) {
            store(o + 4u * i, corner + 4u * i * out, out, tile[j * 4u + i]);
        }
    }
}
