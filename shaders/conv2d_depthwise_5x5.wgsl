// Depthwise convolution with a 5x5 window and stride 1 or 2: every channel on its own. One invocation makes four
// output values below each other, so that the rows of the picture which their windows share are loaded once; its
// neighbours make the columns beside it, so that their loads are one transaction.

override BIAS: bool = false;
override RESIDUAL: bool = false;
override ACTIVATION: u32 = 0u; // 0 none, 1 ReLU, 2 ReLU6, 3 tanh, 4 sigmoid
override STRIDE: u32 = 1u;

struct Dims {
    len: u32, // columns of four values: n * c * ceil(oh / 4) * ow
    c: u32,
    ih: u32,
    iw: u32,
    oh: u32,
    ow: u32,
    top: u32,
    left: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> dims: Dims;

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

// The rows of a channel that the windows see, by the offset of their first value.
struct Row {
    at: u32,
    inside: bool,
}

// What lies before a picture's first row wraps around to a large number, which is beyond the last one as well.
fn row_of(plane: u32, ih: u32) -> Row {
    return Row(plane + ih * dims.iw, ih < dims.ih);
}

// Zero outside the picture. Wherever the offset points there, the read gives some value, which is not used.
fn pixel(row: Row, iw: u32) -> f32 {
    return select(0.0, x[row.at + iw], row.inside && iw < dims.iw);
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
    let strips = (dims.oh + 3u) / 4u;
    let oh = index / dims.ow % strips * 4u;
    let channel = index / (dims.ow * strips);
    let c = channel % dims.c;
    let plane = channel * dims.ih * dims.iw;
    let row = oh * STRIDE - dims.top;

    let r0 = row_of(plane, row);
    let r1 = row_of(plane, row + 1u);
    let r2 = row_of(plane, row + 2u);
    let r3 = row_of(plane, row + 3u);
    let r4 = row_of(plane, row + 4u);
    let r5 = row_of(plane, row + 5u);
    let r6 = row_of(plane, row + 6u);
    let r7 = row_of(plane, row + 7u);
    // Only stride 2 sees these; there is no harm in knowing where they are.
    let r8 = row_of(plane, row + 8u);
    let r9 = row_of(plane, row + 9u);
    let r10 = row_of(plane, row + 10u);

    var sum = vec4f();
    if (BIAS) { sum = vec4f(b[c]); }
    for (var kw = 0u; kw < 5u; kw++) {
        let iw = ow * STRIDE + kw - dims.left;
        let tap = c * 25u + kw;
        let w0 = w[tap];
        let w1 = w[tap + 5u];
        let w2 = w[tap + 10u];
        let w3 = w[tap + 15u];
        let w4 = w[tap + 20u];
        let x0 = pixel(r0, iw);
        let x1 = pixel(r1, iw);
        let x2 = pixel(r2, iw);
        let x3 = pixel(r3, iw);
        let x4 = pixel(r4, iw);
        let x5 = pixel(r5, iw);
        let x6 = pixel(r6, iw);
        let x7 = pixel(r7, iw);
        if (STRIDE == 1u) {
            sum += w0 * vec4f(x0, x1, x2, x3);
            sum += w1 * vec4f(x1, x2, x3, x4);
            sum += w2 * vec4f(x2, x3, x4, x5);
            sum += w3 * vec4f(x3, x4, x5, x6);
            sum += w4 * vec4f(x4, x5, x6, x7);
        } else {
            let x8 = pixel(r8, iw);
            let x9 = pixel(r9, iw);
            let x10 = pixel(r10, iw);
            sum += w0 * vec4f(x0, x2, x4, x6);
            sum += w1 * vec4f(x1, x3, x5, x7);
            sum += w2 * vec4f(x2, x4, x6, x8);
            sum += w3 * vec4f(x3, x5, x7, x9);
            sum += w4 * vec4f(x4, x6, x8, x10);
        }
    }

    let at = (channel * dims.oh + oh) * dims.ow + ow;
    let below = dims.ow;
    if (RESIDUAL) {
        // Below the last row of the last channel the read gives some value, which is not stored.
        sum += vec4f(residual[at], residual[at + below], residual[at + 2u * below], residual[at + 3u * below]);
    }
    sum = activate(sum);
    y[at] = sum.x;
    if (oh + 1u < dims.oh) { y[at + below] = sum.y; }
    if (oh + 2u < dims.oh) { y[at + 2u * below] = sum.z; }
    if (oh + 3u < dims.oh) { y[at + 3u * below] = sum.w; }
}
