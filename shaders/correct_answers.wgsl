// Number of pictures whose largest logit, the first of equal ones, is the label's. One workgroup for all of them.

// Whether a label is a distribution over the classes, whose largest counts, and not the number of one.
override SOFT: bool = false;

struct Dims {
    n: u32,
    c: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read_write> correct: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

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

// The class that picture n should have been given.
fn truth(n: u32) -> u32 {
    if (!SOFT) { return u32(labels[n]); }
    let row = n * dims.c;
    var best = 0u;
    for (var c = 1u; c < dims.c; c++) {
        if (labels[row + c] > labels[row + best]) { best = c; }
    }
    return best;
}

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var n = local; n < dims.n; n += 64u) {
        let row = n * dims.c;
        var best = 0u;
        for (var c = 1u; c < dims.c; c++) {
            if (logits[row + c] > logits[row + best]) { best = c; }
        }
        if (best == truth(n)) { sum += 1.0; }
    }
    sum = total(local, sum);
    if (local == 0u) { correct[0] = sum; }
}
