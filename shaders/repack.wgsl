// A weight of [o, c, taps] as [taps, c, o], with zeros up to whole rows of channels and outputs: the order in which the
// matrix products read it, made anew after every step of training. Mirrored, as [taps, o, c] with the taps in reverse.
// One invocation makes one value.

override MIRRORED: bool = false;

struct Dims {
    len: u32, // of y: taps * rows * row
    o: u32,
    c: u32,
    taps: u32,
    rows: u32, // channels with padding; mirrored, outputs
    row: u32, // outputs with padding; mirrored, channels
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let last = index % dims.row;
    let before = (index / dims.row) % dims.rows;
    var tap = index / (dims.row * dims.rows);
    var o = last;
    var c = before;
    if (MIRRORED) {
        o = before;
        c = last;
        tap = dims.taps - 1u - tap;
    }
    var value = 0.0;
    if (o < dims.o && c < dims.c) { value = x[(o * dims.c + c) * dims.taps + tap]; }
    y[index] = value;
}
