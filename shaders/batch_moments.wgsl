// Mean and biased variance of every channel over pictures and pixels, one workgroup a channel: y is [2, c].

struct Dims {
    n: u32,
    c: u32,
    plane: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> dims: Dims;

var<workgroup> partial: array<f32, 64>;

// The sum of every invocation's value, for all of them.
fn total(local: u32, value: f32) -> f32 {
    partial[local] = value;
    workgroupBarrier();
    for (var step = 32u; step > 0u; step /= 2u) {
        if (local < step) { partial[local] += partial[local + step]; }
        workgroupBarrier();
    }
    let sum = partial[0];
    workgroupBarrier();
    return sum;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let c = workgroup.y * count.x + workgroup.x;
    if (c >= dims.c) { return; }
    let values = dims.n * dims.plane;
    var sum = 0.0;
    for (var i = local; i < values; i += 64u) {
        sum += x[(i / dims.plane * dims.c + c) * dims.plane + i % dims.plane];
    }
    let mean = total(local, sum) / f32(values);
    var squares = 0.0;
    for (var i = local; i < values; i += 64u) {
        let distance = x[(i / dims.plane * dims.c + c) * dims.plane + i % dims.plane] - mean;
        squares += distance * distance;
    }
    squares = total(local, squares);
    if (local == 0u) {
        y[c] = mean;
        y[dims.c + c] = squares / f32(values);
    }
}
