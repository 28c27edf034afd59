//! Claims about changed pictures: what is drawn is the same everywhere, and what becomes of a picture nearly so.

use headstart::augment::device::{Augmenter, frame, framed};
use headstart::augment::row::Row;
use headstart::augment::{self, Augmentation, Target};
use headstart::exec::Backend;
use headstart::exec::cpu::Cpu;
use headstart::exec::gpu::Gpu;
use headstart::image::{InputSpec, Order};
use headstart::models;
use headstart::shape::Shape;
use headstart::tensor::Tensor;
use pollster::block_on;

fn every() -> Vec<Augmentation> {
    vec![
        Augmentation::RandomResizedCrop { scale: [0.3, 1.0], ratio: [0.75, 1.33] },
        Augmentation::HorizontalFlip { probability: 0.5 },
        Augmentation::Rotation { degrees: 15.0 },
        Augmentation::ColourJitter { brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.05 },
        Augmentation::Cutout { side: 9 },
    ]
}

/// Colours that change slowly over the picture, and a pattern on top.
fn picture(c: usize, h: usize, w: usize) -> Tensor<f32> {
    let shape = Shape::new(1, c, h, w);
    let value = |i: usize| {
        let (channel, row, column) = (i / (h * w), i / w % h, i % w);
        let slow = 80.0 + 70.0 * (row as f32 / 9.0 + channel as f32).sin();
        slow + 60.0 * ((column / 4 + row / 6) % 2) as f32
    };
    Tensor::new(shape, (0..shape.len()).map(value).collect())
}

fn input(id: &str) -> InputSpec {
    let input = models::find(id).expect("a known network").input;
    if id == "lenet5" { input } else { input.scaled_to(48, 48) }
}

/// What a run on a dataset learns from: drawn, applied and normalised.
fn expected(steps: &[Augmentation], x: &Tensor<f32>, input: &InputSpec, seed: u64) -> Vec<f32> {
    let drawn = augment::apply(steps, x.clone(), Target::of(input), seed).expect("a sound picture");
    let planes: Vec<&[f32]> = drawn.data.chunks_exact(drawn.shape.plane()).collect();
    let colour = |c: usize| if input.order == Order::Bgr { planes.len() - 1 - c } else { c };
    let normal = |c: usize| planes[colour(c)].iter().map(move |v| (v - input.mean[c]) / input.std[c]);
    (0..planes.len()).flat_map(normal).collect()
}

fn shown(backend: &Backend, steps: &[Augmentation], id: &str, seed: u64) -> Vec<f32> {
    let (input, x) = (input(id), picture(input(id).channels, 60, 75));
    let mut augmenter = block_on(Augmenter::new(&input, frame(&input), 1, backend)).expect("it fits");
    let framed = framed(x, frame(&input));
    let row = Row::draw(steps, framed.size, &input, seed).expect("steps in order");
    block_on(augmenter.run(&framed.values, &[row])).expect("it runs")
}

#[test]
fn the_processor_shows_bit_for_bit_what_a_dataset_is_changed_to() {
    let backend = Backend::Cpu(Cpu::new());
    for id in ["resnet18", "googlenet", "alexnet"] {
        for seed in 0..6 {
            let x = picture(3, 60, 75);
            assert!(
                shown(&backend, &every(), id, seed) == expected(&every(), &x, &input(id), seed),
                "{id}, seed {seed}"
            );
        }
    }
}

#[test]
fn the_graphics_card_shows_what_the_processor_shows() {
    let gpu = block_on(Gpu::new(None)).unwrap_or_else(|error| panic!("{error}"));
    println!("on {}", gpu.adapter().name);
    let (cpu, gpu) = (Backend::Cpu(Cpu::new()), Backend::Gpu(gpu));
    for (id, steps) in [("resnet18", every()), ("lenet5", every()), ("resnet18", every().split_off(1))] {
        for seed in 0..6 {
            let (on_cpu, on_gpu) = (shown(&cpu, &steps, id, seed), shown(&gpu, &steps, id, seed));
            let worst = on_cpu.iter().zip(&on_gpu).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-3, "{id}, seed {seed}: {worst}");
        }
    }
}

#[test]
fn a_batch_is_changed_picture_by_picture() {
    let (backend, input) = (Backend::Cpu(Cpu::new()), input("lenet5"));
    let size = [input.height, input.width];
    let x = picture(1, input.height, input.width).data;
    let rows: Vec<Row> =
        (0..3).map(|seed| Row::draw(&every(), size, &input, seed).expect("steps in order")).collect();
    let run = |rows: &[Row]| {
        let mut augmenter = block_on(Augmenter::new(&input, size, rows.len(), &backend)).expect("it fits");
        block_on(augmenter.run(&x.repeat(rows.len()), rows)).expect("it runs")
    };
    let alone: Vec<f32> = rows.iter().flat_map(|row| run(std::slice::from_ref(row))).collect();
    assert!(run(&rows) == alone);
}

#[test]
fn a_frame_holds_small_pictures_as_they_are_and_large_ones_as_a_whole() {
    let small = framed(picture(3, 5, 7), [8, 8]);
    assert_eq!((small.size, small.values[6], small.values[7]), ([5, 7], picture(3, 5, 7).data[6], 0.0));
    let large = framed(picture(3, 40, 20), [8, 8]);
    assert_eq!(large.size, [8, 4]);
    assert!(large.values.chunks_exact(8).all(|line| line[4..] == [0.0; 4]));
}
