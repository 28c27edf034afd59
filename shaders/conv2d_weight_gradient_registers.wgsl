// The gradient of a convolution of one group by its weight, in tiles of 8 output channels by 4 taps: every loaded gradient
// serves 4 products, every loaded pixel 8. Where tiles are few, SHARE invocations divide the pixels of all pictures among
// them and add up what they found; neighbours then hold neighbouring pixels. Accumulators are named,
// because an indexed array of them would live in memory: aI_K sums output channels 4 I to 4 I + 3 at tap K. A tap is an
// input channel, a row and a column of the kernel.

// Invocations of one tile, of the 64 of a workgroup: a power of two.
override SHARE: u32 = 64u;

struct Dims {
    pixels: u32, // of dy, of all pictures: n * oh * ow
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
    taps: u32, // c * kh * kw
    columns: u32, // tiles side by side: a fourth of the taps
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

var<workgroup> partial: array<vec4f, 512>; // [8 sums, tile of the workgroup, SHARE]

// Where a tap looks: its channel's first value in a picture, its row and its column.
struct Tap {
    channel: u32,
    row: u32,
    column: u32,
}

fn tap(index: u32) -> Tap {
    // Beyond the last tap the work is done again and not written.
    let k = min(index, dims.taps - 1u);
    let area = dims.kh * dims.kw;
    return Tap(k / area * dims.ih * dims.iw, k % area / dims.kw, k % dims.kw);
}

// The value that a tap meets, zero in the padding: what lies before the image wraps around to a large number.
fn meet(t: Tap, image: u32, row: u32, column: u32) -> f32 {
    let ih = row + t.row;
    let iw = column + t.column;
    let inside = ih < dims.ih && iw < dims.iw;
    return select(0.0, x[select(0u, image + t.channel + ih * dims.iw + iw, inside)], inside);
}

// Four output channels from `o` at the pixel whose first of them is `at`; beyond the last channel anything will do.
fn four(at: u32, plane: u32) -> vec4f {
    return vec4f(dy[at], dy[at + plane], dy[at + 2u * plane], dy[at + 3u * plane]);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let tile = (workgroup.y * count.x + workgroup.x) * (64u / SHARE) + local / SHARE;
    let member = local % SHARE;
    // Beyond the last tile the work is that of the last, and not written.
    let o = min(tile / dims.columns, (dims.o - 1u) / 8u) * 8u;
    let k = tile % dims.columns * 4u;
    let t0 = tap(k);
    let t1 = tap(k + 1u);
    let t2 = tap(k + 2u);
    let t3 = tap(k + 3u);
    var a0_0 = vec4f(); var a0_1 = vec4f(); var a0_2 = vec4f(); var a0_3 = vec4f();
    var a1_0 = vec4f(); var a1_1 = vec4f(); var a1_2 = vec4f(); var a1_3 = vec4f();
    let plane = dims.oh * dims.ow;
    let image = dims.c * dims.ih * dims.iw;
    for (var p = member; p < dims.pixels; p += SHARE) {
        let n = p / plane;
        let pixel = p % plane;
        let row = pixel / dims.ow * dims.stride_h - dims.top;
        let column = pixel % dims.ow * dims.stride_w - dims.left;
        let at = (n * dims.o + o) * plane + pixel;
        let d0 = four(at, plane);
        let d1 = four(at + 4u * plane, plane);
        let x0 = meet(t0, n * image, row, column);
        let x1 = meet(t1, n * image, row, column);
        let x2 = meet(t2, n * image, row, column);
        let x3 = meet(t3, n * image, row, column);
        a0_0 = fma(d0, vec4f(x0), a0_0); a0_1 = fma(d0, vec4f(x1), a0_1); a0_2 = fma(d0, vec4f(x2), a0_2); a0_3 = fma(d0, vec4f(x3), a0_3);
        a1_0 = fma(d1, vec4f(x0), a1_0); a1_1 = fma(d1, vec4f(x1), a1_1); a1_2 = fma(d1, vec4f(x2), a1_2); a1_3 = fma(d1, vec4f(x3), a1_3);
    }
    partial[local] = a0_0;
    partial[64u + local] = a0_1;
    partial[128u + local] = a0_2;
    partial[192u + local] = a0_3;
    partial[256u + local] = a1_0;
    partial[320u + local] = a1_1;
    partial[384u + local] = a1_2;
    partial[448u + local] = a1_3;
    workgroupBarrier();
    for (var step = SHARE / 2u; step > 0u; step /= 2u) {
        if (member < step) {
            for (var i = 0u; i < 512u; i += 64u) {
                partial[i + local] += partial[i + local + step];
            }
        }
        workgroupBarrier();
    }
    // The members write the 32 values of the tile, in turn.
    for (var i = member; i < 32u; i += SHARE) {
        let channel = o + i / 4u;
        let written = k + i % 4u;
        if (tile / dims.columns * 8u + i / 4u < dims.o && written < dims.taps) {
            let sums = partial[(i / 16u * 4u + i % 4u) * 64u + local - member];
            dw[channel * dims.taps + written] = sums[i / 4u % 4u];
        }
    }
}
