"""One sentence for every term of the trade: tooltips, the glossary window, and nothing else."""

from __future__ import annotations

TERMS: dict[str, str] = {
    "accuracy": "The share of test images that were given the right class.",
    "attention": "How a transformer weighs all patches to make one output: where it looks, not what it concludes.",
    "attention rollout": "Attention followed through all layers at once instead of shown for one.",
    "backbone": "A trained network that turns an image into numbers; a comparison never changes it.",
    "balanced accuracy": "The mean of each class's own accuracy, so that a rare class counts as much as any.",
    "baseline": "The model that all others are measured against; pin any row to make it the one.",
    "calibration": "Whether a model that is 90 % sure is right nine times in ten.",
    "class": "What an image shows, as its label says.",
    "CLS token": "The one output of a vision transformer that is trained to stand for the whole image.",
    "confusion matrix": "For each true class, how many of its test images were given which class.",
    "cosine similarity": "How nearly two feature vectors point the same way, from -1 to 1, whatever their lengths.",
    "difference": "One model's mean score minus another's on the same images and splits, in points.",
    "duplicate": "An image that is a copy of another: the same file byte for byte, or the same picture once more.",
    "ECE": "Expected calibration error: how far confidence and accuracy lie apart on average; 0 is perfect.",
    "embedding": "The list of numbers that a backbone makes of one image; similar images should get similar numbers.",
    "epoch": "One pass over all training images; validation chooses after which of them learning ends.",
    "equivalent": "The whole interval of the difference lies inside the margin: the models may be exchanged.",
    "feature": "Which of a backbone's outputs is used: the CLS token, the mean of the patches, or the pooled output.",
    "fine-tuning": "Letting the labels change a backbone's own weights; such a score is never ranked with probes.",
    "fingerprint": "A short code that changes when anything changes that could change the vectors.",
    "frozen": "The backbone's weights stay as they were published; only a small classifier on top is fitted.",
    "group": "Images that belong together, such as a lot or a patient; a group is never torn between train and test.",
    "input size": "The side of the square, in pixels, that the image is scaled to before the backbone sees it.",
    "interval": "A range that would hold the true value in 95 of 100 repetitions of the whole experiment.",
    "k-NN": "Gives an image the class of its most similar training images; nothing is fitted but k.",
    "label": "The class that somebody gave to an image.",
    "L2": "Every feature vector is divided by its length, so that only its direction counts.",
    "label budget": "The share of the labels that the probe may know, training and validation alike.",
    "layer": "A block of a transformer or a stage of a convolutional network, counted from 1; several are joined.",
    "leak": "Copies of one image that a split can tear apart: what is learnt and what is tested is then the same.",
    "linear probe": "A linear classifier fitted on frozen features: how well a straight cut separates the classes.",
    "LoRA": "Small matrices that learn beside a backbone's own, which stay; merged into them when it is exported.",
    "macro-F1": "Precision and recall as one number for each class, averaged so that every class counts the same.",
    "margin": "A difference smaller than this, in points, makes no difference to you.",
    "patch": "One small square of the image, the unit that a vision transformer works on.",
    "patch colours": "The three main directions of the patches' features, shown as red, green and blue.",
    "point": "A hundredth of a score: from 0.912 to 0.931 is 1.9 points.",
    "pooled": "The average of a network's last feature map: one vector for the whole image.",
    "precision": "The share of the images that were given a class that are of it.",
    "recall": "The share of a class's test images that were found.",
    "reconstruction": "What a masked autoencoder paints where patches were hidden from it.",
    "registers": "Extra outputs of newer vision transformers that hold no place in the image.",
    "scratch patch": "A patch that a transformer notes other things in: its output says nothing of its place.",
    "SD": "Standard deviation: how far the values of the seeds lie from their mean.",
    "seed": "The number that a random draw starts from; each draws another split, and their spread shows the luck.",
    "split": "The division of the labelled images into training, validation and test parts; its hash names it.",
    "stratified": "Every class has about the same share in each part.",
    "target": "The score that is good enough for you.",
    "test openings": "How often the test part was looked at; each look makes later scores a little less trustworthy.",
    "test part": "Images that are kept aside until everything is chosen, and then scored once.",
    "training part": "Images that the probe is fitted on.",
    "undecided": "The interval holds both a difference that matters and none: more seeds or more images would tell.",
    "unlabelled pool": "Images without labels, which pretraining can learn from.",
    "validation": "Images that settings are chosen on, so that the test part needn't be touched.",
    "verdict": "Better, worse, equivalent or undecided: what the interval says against the margin.",
    "z-score": "Every number of the feature is shifted and scaled to mean 0 and deviation 1 over the training part.",
}


def tip(*terms: str) -> str:
    """The sentences of some terms, one a line. Raises KeyError for a term that is not explained."""
    return "\n".join(f"{_title(term)}: {_lower(TERMS[term])}" for term in terms)


def _title(term: str) -> str:
    return term[:1].upper() + term[1:]


def _lower(sentence: str) -> str:
    """The sentence as it goes on after a colon; names keep their capitals."""
    first = sentence.split(" ", 1)[0]
    return sentence if first.isupper() and len(first) > 1 else sentence[:1].lower() + sentence[1:]
