// A part of each picture, resized, mirrored and turned: one invocation a value. rows are [n, 18], src/augment/row.rs says of
// what. Resizing is by a triangle that widens when shrinking; turning is bilinear, and black comes in from outside.

struct Dims {
    len: u32,
    c: u32,
    ih: u32,
    iw: u32,
    oh: u32,
    ow: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

const LENGTH = 18u;

// What a resized pixel sees of one axis: its centre and reach in pixels of the part, the first of them and one past the last.
struct Taps {
    centre: f32,
    support: f32,
    first: u32,
    end: u32,
}

fn taps(i: u32, source: f32, size: u32) -> Taps {
    let scale = source / f32(size);
    let support = max(scale, 1.0);
    let centre = scale * (f32(i) + 0.5);
    let first = u32(max(centre - support + 0.5, 0.0));
    let end = min(u32(centre + support + 0.5), u32(source));
    return Taps(centre, support, first, end);
}

fn weight(seen: Taps, j: u32) -> f32 {
    return max(1.0 - abs((f32(j) - seen.centre + 0.5) / seen.support), 0.0);
}

// Pixel (h, w) of the part as it is resized and mirrored; black outside.
fn resized(plane: u32, row: u32, h: i32, w: i32) -> f32 {
    if (h < 0 || w < 0 || h >= i32(dims.oh) || w >= i32(dims.ow)) { return 0.0; }
    var column = u32(w);
    if (rows[row + 4u] != 0.0) { column = dims.ow - 1u - column; }
    let down = taps(u32(h), rows[row + 2u], dims.oh);
    let across = taps(column, rows[row + 3u], dims.ow);
    let start = plane + u32(rows[row]) * dims.iw + u32(rows[row + 1u]);
    var sum = 0.0;
    var total = 0.0;
    for (var j = down.first; j < down.end; j++) {
        let of_line = weight(down, j);
        for (var i = across.first; i < across.end; i++) {
            let share = of_line * weight(across, i);
            sum += share * x[start + j * dims.iw + i];
            total += share;
        }
    }
    return sum / total;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let pixels = dims.oh * dims.ow;
    let image = index / pixels;
    let h = index % pixels / dims.ow;
    let w = index % dims.ow;
    let row = image / dims.c * LENGTH;
    let plane = image * dims.ih * dims.iw;
    let sine = rows[row + 5u];
    let cosine = rows[row + 6u];
    if (sine == 0.0) {
        y[index] = resized(plane, row, i32(h), i32(w));
        return;
    }
    let middle = 0.5 * vec2f(f32(dims.oh) - 1.0, f32(dims.ow) - 1.0);
    let down = f32(h) - middle.x;
    let right = f32(w) - middle.y;
    let source = vec2f(right * sine + down * cosine, right * cosine - down * sine) + middle;
    let corner = floor(source);
    let share = source - corner;
    let top = i32(corner.x);
    let left = i32(corner.y);
    let upper = resized(plane, row, top, left) * (1.0 - share.y) + resized(plane, row, top, left + 1) * share.y;
    let lower =
        resized(plane, row, top + 1, left) * (1.0 - share.y) + resized(plane, row, top + 1, left + 1) * share.y;
    y[index] = upper * (1.0 - share.x) + lower * share.x;
}
