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

// What every invocation found: 32 sums in rows of 33, so that neighbours meet in different banks of memory.
var<workgroup> partial: array<f32, 2112>;

// Where a tap looks: its channel's first value in a picture, its row and its column.
struct Tap {
    channel: u32,
    row: u32,
    column: u32,
}

fn tap(index: u32) -> Tap {
    let area = dims.kh * dims.kw;
    return Tap(index / area * dims.ih * dims.iw, index % area / dims.kw, index % dims.kw);
}

// The tap after `t`, which is number `index`; beyond the last the work is done again and not written.
fn after(t: Tap, index: u32) -> Tap {
    if (index >= dims.taps) { return t; }
    let next_row = t.column + 1u == dims.kw;
    let next_channel = next_row && t.row + 1u == dims.kh;
    return Tap(
        t.channel + select(0u, dims.ih * dims.iw, next_channel),
        select(t.row + select(0u, 1u, next_row), 0u, next_channel),
        select(t.column + 1u, 0u, next_row),
    );
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

// Four output channels' sums at one tap: the values of the tile are four taps of each channel.
fn keep(at: u32, sums: vec4f) {
    partial[at] = sums.x;
    partial[at + 4u] = sums.y;
    partial[at + 8u] = sums.z;
    partial[at + 12u] = sums.w;
}

// Four output channels' sums at one tap, where nobody shares the tile.
fn write(o: u32, tap: u32, sums: vec4f) {
    if (tap >= dims.taps) { return; }
    let at = o * dims.taps + tap;
    if (o < dims.o) { dw[at] = sums.x; }
    if (o + 1u < dims.o) { dw[at + dims.taps] = sums.y; }
    if (o + 2u < dims.o) { dw[at + 2u * dims.taps] = sums.z; }
    if (o + 3u < dims.o) { dw[at + 3u * dims.taps] = sums.w; }
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
    let t1 = after(t0, k + 1u);
    let t2 = after(t1, k + 2u);
    let t3 = after(t2, k + 3u);
    var a0_0 = vec4f(); var a0_1 = vec4f(); var a0_2 = vec4f(); var a0_3 = vec4f();
    var a1_0 = vec4f(); var a1_1 = vec4f(); var a1_2 = vec4f(); var a1_3 = vec4f();
    let plane = dims.oh * dims.ow;
    let image = dims.c * dims.ih * dims.iw;
    // The next pixel of a member is a few pictures, rows and columns further: divisions cost more than the products.
    let pictures = SHARE / plane;
    let rows = SHARE % plane / dims.ow;
    let columns = SHARE % plane % dims.ow;
    var n = member / plane;
    var row_out = member % plane / dims.ow;
    var column_out = member % plane % dims.ow;
    for (var p = member; p < dims.pixels; p += SHARE) {
        let row = row_out * dims.stride_h - dims.top;
        let column = column_out * dims.stride_w - dims.left;
        let at = (n * dims.o + o) * plane + row_out * dims.ow + column_out;
        let d0 = four(at, plane);
        let d1 = four(at + 4u * plane, plane);
        let x0 = meet(t0, n * image, row, column);
        let x1 = meet(t1, n * image, row, column);
        let x2 = meet(t2, n * image, row, column);
        let x3 = meet(t3, n * image, row, column);
        a0_0 = fma(d0, vec4f(x0), a0_0); a0_1 = fma(d0, vec4f(x1), a0_1); a0_2 = fma(d0, vec4f(x2), a0_2); a0_3 = fma(d0, vec4f(x3), a0_3);
        a1_0 = fma(d1, vec4f(x0), a1_0); a1_1 = fma(d1, vec4f(x1), a1_1); a1_2 = fma(d1, vec4f(x2), a1_2); a1_3 = fma(d1, vec4f(x3), a1_3);
        column_out += columns;
        let next_row = column_out >= dims.ow;
        column_out -= select(0u, dims.ow, next_row);
        row_out += rows + select(0u, 1u, next_row);
        let next_picture = row_out >= dims.oh;
        row_out -= select(0u, dims.oh, next_picture);
        n += pictures + select(0u, 1u, next_picture);
    }
    let first = tile / dims.columns * 8u;
    if (SHARE == 1u) {
        write(first, k, a0_0); write(first, k + 1u, a0_1); write(first, k + 2u, a0_2); write(first, k + 3u, a0_3);
        write(first + 4u, k, a1_0); write(first + 4u, k + 1u, a1_1); write(first + 4u, k + 2u, a1_2); write(first + 4u, k + 3u, a1_3);
        return;
    }
    let own = local * 33u;
    keep(own, a0_0); keep(own + 1u, a0_1); keep(own + 2u, a0_2); keep(own + 3u, a0_3);
    keep(own + 16u, a1_0); keep(own + 17u, a1_1); keep(own + 18u, a1_2); keep(own + 19u, a1_3);
    workgroupBarrier();
    // The members add up and write the 32 values of the tile, in turn.
    for (var i = member; i < 32u; i += SHARE) {
        let written = k + i % 4u;
        if (first + i / 4u < dims.o && written < dims.taps) {
            var sum = 0.0;
            for (var m = local - member; m < local - member + SHARE; m += 1u) { sum += partial[m * 33u + i]; }
            dw[(first + i / 4u) * dims.taps + written] = sum;
        }
    }
}
