// What gradients are multiplied by so that their norm is MOST at most, from sums of their squares: one workgroup.

override MOST: f32 = 1.0;

struct Dims {
    len: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> dims: Dims;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var i = local; i < dims.len; i += 64u) { sum += x[i]; }
    partial[local] = sum;
    workgroupBarrier();
    for (var step = 32u; step > 0u; step /= 2u) {
        if (local < step) { partial[local] += partial[local + step]; }
        workgroupBarrier();
    }
    if (local == 0u) { y[0] = min(1.0, MOST / (sqrt(partial[0]) + 1e-6)); }
}
