//! What networks tell apart: the classes of the three datasets that published weights were trained on.

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const THINGS: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classes {
    /// Ten handwritten digits (LeCun, Cortes and Burges 1998).
    Mnist,
    /// Six animals and four vehicles (Krizhevsky 2009).
    Cifar10,
    /// A thousand things, the ImageNet-1k of 2012 (Russakovsky and others 2015).
    ImageNet,
}

impl Classes {
    pub const fn count(self) -> usize {
        match self {
            Self::Mnist => DIGITS.len(),
            Self::Cifar10 => THINGS.len(),
            Self::ImageNet => 1000,
        }
    }

    /// The dataset's name, as people write it.
    pub const fn dataset(self) -> &'static str {
        match self {
            Self::Mnist => "MNIST",
            Self::Cifar10 => "CIFAR-10",
            Self::ImageNet => "ImageNet",
        }
    }

    /// English names in class order, ImageNet's as torchvision lists them.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::Mnist => DIGITS.to_vec(),
            Self::Cifar10 => THINGS.to_vec(),
            Self::ImageNet => include_str!("imagenet_classes.txt").lines().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_name_of_its_own() {
        for classes in [Classes::Mnist, Classes::Cifar10, Classes::ImageNet] {
            let names = classes.names();
            assert_eq!(names.len(), classes.count(), "{}", classes.dataset());
            assert!(names.iter().all(|name| !name.is_empty()), "{}", classes.dataset());
        }
    }
}
