// The mean cross entropy of a batch: -(1 / n) sum of t_c log p_c with p the softmax of the logits and t the label's
// class, SMOOTHING of it spread over all. One workgroup for all pictures.

override SMOOTHING: f32 = 0.0;
// Whether a label is a distribution over the classes and not the number of one.
override SOFT: bool = false;

struct Dims {
    n: u32,
    c: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

var<workgroup> partial: array<f32, 64>;

// What picture n should have answered for class c.
fn target_of(n: u32, c: u32) -> f32 {
    var right = 0.0;
    if (SOFT) {
        right = labels[n * dims.c + c];
    } else if (c == u32(labels[n])) {
        right = 1.0;
    }
    return (1.0 - SMOOTHING) * right + SMOOTHING / f32(dims.c);
}

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
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var n = local; n < dims.n; n += 64u) {
        let row = n * dims.c;
        var largest = logits[row];
        for (var c = 1u; c < dims.c; c++) { largest = max(largest, logits[row + c]); }
        var scale = 0.0;
        var answered = 0.0;
        for (var c = 0u; c < dims.c; c++) {
            let v = logits[row + c] - largest;
            scale += exp(v);
            answered += target_of(n, c) * v;
        }
        // The targets sum to one, so that the logarithm of the scale counts once.
        sum += log(scale) - answered;
    }
    sum = total(local, sum);
    if (local == 0u) { loss[0] = sum / f32(dims.n); }
}
