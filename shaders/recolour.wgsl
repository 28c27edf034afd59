// Brightness, contrast, saturation and hue of each picture, in the order of its row, a square covered, and the network's
// normalisation: one workgroup a picture. rows are [n, 18], src/augment/row.rs says of what.

override BLUE_FIRST: bool = false;

struct Dims {
    n: u32,
    c: u32,
    h: u32,
    w: u32,
    mean_0: f32,
    mean_1: f32,
    mean_2: f32,
    std_0: f32,
    std_1: f32,
    std_2: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

const LENGTH = 18u;
const COLOURS = 7u;
const HOLE = 15u;
const SIZE = 256u;
const CONTRAST = 1u;
const LUMA = vec3f(0.2989, 0.587, 0.114);

var<workgroup> partial: array<f32, SIZE>;

fn grey(colour: vec3f) -> f32 {
    if (dims.c == 1u) { return colour.x; }
    return dot(LUMA, colour);
}

fn pixel(picture: u32, at: u32) -> vec3f {
    let plane = dims.h * dims.w;
    let start = picture * dims.c * plane + at;
    if (dims.c == 1u) { return vec3f(x[start]); }
    return vec3f(x[start], x[start + plane], x[start + 2u * plane]);
}

// To hue, saturation and value, and back with the hue turned.
fn hued(colour: vec3f, turn: f32) -> vec3f {
    let value = max(colour.x, max(colour.y, colour.z));
    let chroma = value - min(colour.x, min(colour.y, colour.z));
    if (dims.c == 1u || chroma == 0.0 || turn == 0.0) { return colour; }
    var hue = 4.0 + (colour.x - colour.y) / chroma;
    if (value == colour.x) {
        hue = (colour.y - colour.z) / chroma;
    } else if (value == colour.y) {
        hue = 2.0 + (colour.z - colour.x) / chroma;
    }
    hue = fract(hue / 6.0 + turn) * 6.0;
    let fraction = fract(hue);
    let saturation = chroma / value;
    let p = value * (1.0 - saturation);
    let q = value * (1.0 - saturation * fraction);
    let t = value * (1.0 - saturation * (1.0 - fraction));
    switch u32(hue) % 6u {
        case 0u: { return vec3f(value, t, p); }
        case 1u: { return vec3f(q, value, p); }
        case 2u: { return vec3f(p, value, t); }
        case 3u: { return vec3f(p, q, value); }
        case 4u: { return vec3f(t, p, value); }
        default: { return vec3f(value, p, q); }
    }
}

fn changed(colour: vec3f, kind: u32, amount: f32, mean: f32) -> vec3f {
    if (kind == 3u) { return clamp(hued(colour, amount), vec3f(0.0), vec3f(255.0)); }
    var other = 0.0;
    if (kind == CONTRAST) { other = mean; }
    if (kind == 2u) {
        if (dims.c == 1u) { return colour; }
        other = grey(colour);
    }
    return clamp(amount * colour + (1.0 - amount) * other, vec3f(0.0), vec3f(255.0));
}

// The colour after all changes of the row, or after those before the contrast.
fn recoloured(picture: u32, at: u32, row: u32, mean: f32, whole: bool) -> vec3f {
    var colour = pixel(picture, at);
    for (var i = row + COLOURS; i < row + HOLE; i += 2u) {
        let kind = u32(rows[i]);
        if (kind == CONTRAST && !whole) { break; }
        colour = changed(colour, kind, rows[i + 1u], mean);
    }
    return colour;
}

fn is_covered(row: u32, at: u32) -> bool {
    let side = i32(rows[row + HOLE + 2u]);
    let down = i32(at / dims.w) - i32(rows[row + HOLE]) + side / 2;
    let right = i32(at % dims.w) - i32(rows[row + HOLE + 1u]) + side / 2;
    return down >= 0 && right >= 0 && down < side && right < side;
}

@compute @workgroup_size(SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let picture = workgroup.y * count.x + workgroup.x;
    if (picture >= dims.n) { return; }
    let row = picture * LENGTH;
    let plane = dims.h * dims.w;
    var sum = 0.0;
    for (var at = local; at < plane; at += SIZE) {
        sum += grey(recoloured(picture, at, row, 0.0, false));
    }
    partial[local] = sum;
    workgroupBarrier();
    for (var step = SIZE / 2u; step > 0u; step /= 2u) {
        if (local < step) { partial[local] += partial[local + step]; }
        workgroupBarrier();
    }
    let mean = partial[0] / f32(plane);
    let means = vec3f(dims.mean_0, dims.mean_1, dims.mean_2);
    let stds = vec3f(dims.std_0, dims.std_1, dims.std_2);
    for (var at = local; at < plane; at += SIZE) {
        var colour = recoloured(picture, at, row, mean, true);
        if (BLUE_FIRST) { colour = colour.zyx; }
        var value = (colour - means) / stds;
        if (is_covered(row, at)) { value = vec3f(0.0); }
        let start = picture * dims.c * plane + at;
        y[start] = value.x;
        if (dims.c == 3u) {
            y[start + plane] = value.y;
            y[start + 2u * plane] = value.z;
        }
    }
}
