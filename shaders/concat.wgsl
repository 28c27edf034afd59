// Up to four inputs, one after another along the channels. An input that does not exist ends where the one before it does.
// One invocation moves one value.

struct Dims {
    len: u32, // of the output
    // Where each input ends within a picture of the output.
    end_a: u32,
    end_b: u32,
    end_c: u32,
    end_d: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read> d: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let n = index / dims.end_d;
    let i = index % dims.end_d;
    if (i < dims.end_a) {
        y[index] = a[n * dims.end_a + i];
    } else if (i < dims.end_b) {
        y[index] = b[n * (dims.end_b - dims.end_a) + i - dims.end_a];
    } else if (i < dims.end_c) {
        y[index] = c[n * (dims.end_c - dims.end_b) + i - dims.end_b];
    } else {
        y[index] = d[n * (dims.end_d - dims.end_c) + i - dims.end_c];
    }
}
