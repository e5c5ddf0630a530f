"""SimCLR's views as each peer's documentation builds them, from the same images and policy."""
import torch
from PIL import Image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# Keys of nearfar's ViewPolicy: SimCLR for ImageNet (Chen et al. 2020, appendix A), and its half
# strength without blur for 32 x 32 (appendix B.9).
IMAGENET = {"size": 224, "crop_min": 0.08, "flip": 0.5, "jitter": 0.8, "brightness": 0.8,
            "contrast": 0.8, "saturation": 0.8, "hue": 0.2, "grayscale": 0.2, "blur": 0.5,
            "blur_sigma_min": 0.1, "blur_sigma_max": 2.0, "blur_kernel": 23}
CIFAR = {**IMAGENET, "size": 32, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1,
         "blur": 0.0, "blur_kernel": 3}


JITTER = ("brightness", "contrast", "saturation", "hue")


def colours(policy):
    return [policy[name] for name in JITTER]


def pictures_of(pixels):
    return [Image.fromarray(image) for image in pixels]


def tensors_of(pixels):
    """uint8 [3, height, width] in channels-last memory, as decoders leave them."""
    return [torch.from_numpy(image).permute(2, 0, 1) for image in pixels]


def lightly_transform(policy):
    from lightly.transforms import SimCLRTransform
    return SimCLRTransform(input_size=policy["size"], cj_prob=policy["jitter"], cj_strength=1.0,
                           **dict(zip(("cj_bright", "cj_contrast", "cj_sat", "cj_hue"),
                                      colours(policy))),
                           min_scale=policy["crop_min"], random_gray_scale=policy["grayscale"],
                           gaussian_blur=policy["blur"], hf_prob=policy["flip"],
                           sigmas=(policy["blur_sigma_min"], policy["blur_sigma_max"]))


def lightly(pixels, policy):
    """lightly's SimCLRTransform on PIL images: two views a call."""
    pictures, transform = pictures_of(pixels), lightly_transform(policy)
    return lambda first, count: [view for picture in pictures[first:first + count]
                                 for view in transform(picture)]


def torchvision_steps(policy):
    from torchvision.transforms import v2
    steps = [v2.RandomResizedCrop(policy["size"], scale=(policy["crop_min"], 1.0), antialias=True),
             v2.RandomHorizontalFlip(policy["flip"]),
             v2.RandomApply([v2.ColorJitter(*colours(policy))], policy["jitter"]),
             v2.RandomGrayscale(policy["grayscale"])]
    if policy["blur"] > 0:
        sigmas = (policy["blur_sigma_min"], policy["blur_sigma_max"])
        blur = v2.GaussianBlur(policy["blur_kernel"], sigmas)
        steps.append(v2.RandomApply([blur], policy["blur"]))
    to_float = [v2.ToDtype(torch.float32, scale=True)]
    return v2, steps, to_float, [v2.Normalize(MEAN, STD)]


def two_views(inputs, transform):
    return lambda first, count: [transform(each) for each in inputs[first:first + count]
                                 for _ in range(2)]


def torchvision_uint8(pixels, policy):
    """torchvision v2 on tensors, uint8 up to the normalisation, as its documentation advises."""
    v2, steps, to_float, normalize = torchvision_steps(policy)
    return two_views(tensors_of(pixels), v2.Compose(steps + to_float + normalize))


def torchvision_float(pixels, policy):
    """torchvision v2 on tensors, in float32 from the start: nearfar's arithmetic."""
    v2, steps, to_float, normalize = torchvision_steps(policy)
    return two_views(tensors_of(pixels), v2.Compose(to_float + steps + normalize))


def torchvision_pil(pixels, policy):
    """torchvision v2 on PIL images; its blur goes through a tensor and back."""
    v2, steps, to_float, normalize = torchvision_steps(policy)
    return two_views(pictures_of(pixels), v2.Compose(steps + [v2.ToImage()] + to_float + normalize))


def kornia(batch):
    """kornia on float batches of `batch` images, each converted from uint8 once for two views."""
    def build(pixels, policy):
        import kornia.augmentation as K
        side = (policy["size"], policy["size"])
        steps = [K.RandomResizedCrop(side, scale=(policy["crop_min"], 1.0)),
                 K.RandomHorizontalFlip(policy["flip"]),
                 K.ColorJitter(*colours(policy), p=policy["jitter"]),
                 K.RandomGrayscale(p=policy["grayscale"])]
        if policy["blur"] > 0:
            taps = (policy["blur_kernel"], policy["blur_kernel"])
            sigmas = (policy["blur_sigma_min"], policy["blur_sigma_max"])
            steps.append(K.RandomGaussianBlur(taps, sigmas, p=policy["blur"]))
        transform = torch.nn.Sequential(*steps, K.Normalize(MEAN, STD))
        images = torch.stack(tensors_of(pixels))

        def run(first, count):
            views = []
            for begin in range(first, first + count, batch):
                floats = images[begin:min(begin + batch, first + count)].float() / 255
                views += [view for _ in range(2) for view in transform(floats)]
            return views
        return run
    return build
