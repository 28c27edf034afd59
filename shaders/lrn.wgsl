// Local response normalisation: y = x / (K + SCALE * sum of squares)^BETA, the sum over neighbouring channels at the same
// pixel. One invocation makes one output value.

override SCALE: f32 = 2e-5; // alpha / size
override BETA: f32 = 0.75;
override K: f32 = 1.0;

struct Dims {
    len: u32,
    c: u32,
    plane: u32,
    before: u32, // neighbouring channels on either side
    after: u32,
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
    let c = (index / dims.plane) % dims.c;
    let before = min(c, dims.before);
    let after = min(dims.c - 1u - c, dims.after);
    var sum = 0.0;
    for (var i = 0u; i <= before + after; i++) {
        let value = x[index + i * dims.plane - before * dims.plane];
        sum += value * value;
    }
    y[index] = x[index] / pow(K + SCALE * sum, BETA);
}
