// The gradient of local response normalisation. One invocation makes one value of dx:
//
//   dx_c = dy_c s_c^-BETA - 2 BETA SCALE x_c sum over j of dy_j x_j s_j^(-BETA - 1)
//
// with s_j = K + SCALE * sum of x^2 over j's neighbours, and j the channels whose neighbour c is.

override SCALE: f32 = 1e-4;
override BETA: f32 = 0.75;
override K: f32 = 1.0;

struct Dims {
    len: u32,
    c: u32,
    plane: u32,
    before: u32, // neighbours with a smaller channel number
    after: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

// What the value of channel `c` is divided by, before the power; `first` is the pixel in channel 0.
fn base(first: u32, c: u32) -> f32 {
    var sum = 0.0;
    for (var j = c - min(c, dims.before); j < min(c + dims.after + 1u, dims.c); j++) {
        let value = x[first + j * dims.plane];
        sum += value * value;
    }
    return K + SCALE * sum;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let c = (index / dims.plane) % dims.c;
    let first = index - c * dims.plane;
    var sum = 0.0;
    for (var j = c - min(c, dims.after); j < min(c + dims.before + 1u, dims.c); j++) {
        let at = first + j * dims.plane;
        sum += dy[at] * x[at] * pow(base(first, j), -BETA - 1.0);
    }
    dx[index] = dy[index] * pow(base(first, c), -BETA) - 2.0 * BETA * SCALE * x[index] * sum;
}
