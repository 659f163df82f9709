"""The papers of the methods, whole, for the list of references of a paper that shows their maps.

The table of methods names a paper in a few words, such as "Selvaraju et al., ICCV 2017". Here those words are the key.
"""

import re
from dataclasses import dataclass

from videxplain.attribution.registry import METHODS


@dataclass(frozen=True)
class Reference:
    """An entry of a list of references.

    Attributes:
        key: What a text cites it by.
        authors: Family name, comma, given names; several joined by " and ".
        title: The title.
        venue: Conference or journal; ``"arXiv:NUMBER"`` for a preprint; empty if it is not known.
        year: The year.
        journal: Whether the venue is a journal.
    """

    key: str
    authors: str
    title: str
    venue: str
    year: str
    journal: bool = False


_CVPR = "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)"
_ICCV = "IEEE/CVF International Conference on Computer Vision (ICCV)"
_WACV = "IEEE/CVF Winter Conference on Applications of Computer Vision (WACV)"
_ICML = "International Conference on Machine Learning (ICML)"
_BMVC = "British Machine Vision Conference (BMVC)"
_ICLR = "International Conference on Learning Representations (ICLR), Workshop"
_NEURIPS = "Advances in Neural Information Processing Systems (NeurIPS)"

REFERENCES = {
    "Zhou et al., CVPR 2016": Reference(
        "zhou2016cam",
        "Zhou, Bolei and Khosla, Aditya and Lapedriza, Agata and Oliva, Aude and Torralba, Antonio",
        "Learning Deep Features for Discriminative Localization",
        _CVPR,
        "2016",
    ),
    "Stergiou et al. (Saliency Tubes), ICIP 2019": Reference(
        "stergiou2019saliencytubes",
        "Stergiou, Alexandros and Kapidis, Georgios and Kalliatakis, Grigorios and Chrysoulas, Christos and "
        "Veltkamp, Remco and Poppe, Ronald",
        "Saliency Tubes: Visual Explanations for Spatio-Temporal Convolutions",
        "IEEE International Conference on Image Processing (ICIP)",
        "2019",
    ),
    "Selvaraju et al., ICCV 2017": Reference(
        "selvaraju2017gradcam",
        "Selvaraju, Ramprasaath R. and Cogswell, Michael and Das, Abhishek and Vedantam, Ramakrishna and "
        "Parikh, Devi and Batra, Dhruv",
        "Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based Localization",
        _ICCV,
        "2017",
    ),
    "Chattopadhay et al., WACV 2018": Reference(
        "chattopadhay2018gradcampp",
        "Chattopadhay, Aditya and Sarkar, Anirban and Howlader, Prantik and Balasubramanian, Vineeth N.",
        "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks",
        _WACV,
        "2018",
    ),
    "Draelos and Carin, arXiv 2011.08891, 2020": Reference(
        "draelos2020hirescam",
        "Draelos, Rachel Lea and Carin, Lawrence",
        "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks",
        "arXiv:2011.08891",
        "2020",
    ),
    "Fu et al., BMVC 2020": Reference(
        "fu2020xgradcam",
        "Fu, Ruigang and Hu, Qingyong and Dong, Xiaohu and Guo, Yulan and Gao, Yinghui and Li, Biao",
        "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs",
        _BMVC,
        "2020",
    ),
    "Jiang et al., IEEE TIP 2021": Reference(
        "jiang2021layercam",
        "Jiang, Peng-Tao and Zhang, Chang-Bin and Hou, Qibin and Cheng, Ming-Ming and Wei, Yunchao",
        "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization",
        "IEEE Transactions on Image Processing",
        "2021",
        journal=True,
    ),
    "Wang et al., CVPR workshop 2020": Reference(
        "wang2020scorecam",
        "Wang, Haofan and Wang, Zifan and Du, Mengnan and Yang, Fan and Zhang, Zijian and Ding, Sirui and "
        "Mardziel, Piotr and Hu, Xia",
        "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks",
        f"{_CVPR} Workshops",
        "2020",
    ),
    "Desai and Ramaswamy, WACV 2020": Reference(
        "desai2020ablationcam",
        "Desai, Saurabh and Ramaswamy, Harish G.",
        "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free Localization",
        _WACV,
        "2020",
    ),
    "Muhammad and Yeasin, IJCNN 2020": Reference(
        "muhammad2020eigencam",
        "Muhammad, Mohammed Bany and Yeasin, Mohammed",
        "Eigen-CAM: Class Activation Map using Principal Components",
        "International Joint Conference on Neural Networks (IJCNN)",
        "2020",
    ),
    "Fuad et al., IPTA 2020": Reference(
        "fuad2020fem",
        "Fuad, Kazi Ahmed Asif and Martin, Pierre-Etienne and Giot, Romain and Bourqui, Romain and "
        "Benois-Pineau, Jenny and Zemmari, Akka",
        "Features Understanding in 3D CNNs for Actions Recognition in Video",
        "International Conference on Image Processing Theory, Tools and Applications (IPTA)",
        "2020",
    ),
    "Springenberg et al., ICLR workshop 2015": Reference(
        "springenberg2015striving",
        "Springenberg, Jost Tobias and Dosovitskiy, Alexey and Brox, Thomas and Riedmiller, Martin",
        "Striving for Simplicity: The All Convolutional Net",
        _ICLR,
        "2015",
    ),
    "Zeiler and Fergus, ECCV 2014": Reference(
        "zeiler2014visualizing",
        "Zeiler, Matthew D. and Fergus, Rob",
        "Visualizing and Understanding Convolutional Networks",
        "European Conference on Computer Vision (ECCV)",
        "2014",
    ),
    "Simonyan et al., ICLR workshop 2014": Reference(
        "simonyan2014deep",
        "Simonyan, Karen and Vedaldi, Andrea and Zisserman, Andrew",
        "Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency Maps",
        _ICLR,
        "2014",
    ),
    "Shrikumar et al., arXiv 1605.01713, 2016": Reference(
        "shrikumar2016blackbox",
        "Shrikumar, Avanti and Greenside, Peyton and Shcherbina, Anna and Kundaje, Anshul",
        "Not Just a Black Box: Learning Important Features Through Propagating Activation Differences",
        "arXiv:1605.01713",
        "2016",
    ),
    "Shrikumar et al., ICML 2017": Reference(
        "shrikumar2017deeplift",
        "Shrikumar, Avanti and Greenside, Peyton and Kundaje, Anshul",
        "Learning Important Features Through Propagating Activation Differences",
        _ICML,
        "2017",
    ),
    "Smilkov et al., arXiv 1706.03825, 2017": Reference(
        "smilkov2017smoothgrad",
        "Smilkov, Daniel and Thorat, Nikhil and Kim, Been and Viégas, Fernanda and Wattenberg, Martin",
        "SmoothGrad: removing noise by adding noise",
        "arXiv:1706.03825",
        "2017",
    ),
    "Hiley et al., arXiv 2003.14285, 2020": Reference(
        "hiley2020selective",
        "Hiley, Liam and Preece, Alun and Hicks, Yulia and Chakraborty, Supriyo and Gurram, Prudhvi and "
        "Tomsett, Richard",
        "Explaining Motion Relevance for Activity Recognition in Video Deep Learning Models",
        "arXiv:2003.14285",
        "2020",
    ),
    "Sundararajan et al., ICML 2017": Reference(
        "sundararajan2017integrated",
        "Sundararajan, Mukund and Taly, Ankur and Yan, Qiqi",
        "Axiomatic Attribution for Deep Networks",
        _ICML,
        "2017",
    ),
    "Lundberg and Lee, NeurIPS 2017": Reference(
        "lundberg2017unified",
        "Lundberg, Scott M. and Lee, Su-In",
        "A Unified Approach to Interpreting Model Predictions",
        _NEURIPS,
        "2017",
    ),
    "Petsiuk et al., BMVC 2018": Reference(
        "petsiuk2018rise",
        "Petsiuk, Vitali and Das, Abir and Saenko, Kate",
        "RISE: Randomized Input Sampling for Explanation of Black-box Models",
        _BMVC,
        "2018",
    ),
    "Fong et al., ICCV 2019": Reference(
        "fong2019extremal",
        "Fong, Ruth and Patrick, Mandela and Vedaldi, Andrea",
        "Understanding Deep Networks via Extremal Perturbations and Smooth Masks",
        _ICCV,
        "2019",
    ),
    "Li et al., WACV 2021": Reference(
        "li2021perturbation",
        "Li, Zhenqiang and Wang, Weimin and Li, Zuoyue and Huang, Yifei and Sato, Yoichi",
        "Towards Visually Explaining Video Understanding Networks with Perturbation",
        _WACV,
        "2021",
    ),
    "Mänttäri et al., ACCV 2020": Reference(
        "manttari2020interpreting",
        "Mänttäri, Joonatan and Broomé, Sofia and Folkesson, John and Kjellström, Hedvig",
        "Interpreting Video Features: A Comparison of 3D Convolutional Networks and Convolutional LSTM Networks",
        "Asian Conference on Computer Vision (ACCV)",
        "2020",
    ),
    "Abnar and Zuidema, ACL 2020": Reference(
        "abnar2020rollout",
        "Abnar, Samira and Zuidema, Willem",
        "Quantifying Attention Flow in Transformers",
        "Annual Meeting of the Association for Computational Linguistics (ACL)",
        "2020",
    ),
    "Chefer et al., ICCV 2021": Reference(
        "chefer2021generic",
        "Chefer, Hila and Gur, Shir and Wolf, Lior",
        "Generic Attention-Model Explainability for Interpreting Bi-Modal and Encoder-Decoder Transformers",
        _ICCV,
        "2021",
    ),
    "Bach et al., PLOS ONE 2015": Reference(
        "bach2015lrp",
        "Bach, Sebastian and Binder, Alexander and Montavon, Grégoire and Klauschen, Frederick and "
        "Müller, Klaus-Robert and Samek, Wojciech",
        "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation",
        "PLOS ONE",
        "2015",
        journal=True,
    ),
    "Achtibat et al., ICML 2024": Reference(
        "achtibat2024attnlrp",
        "Achtibat, Reduan and Hatefi, Sayed Mohammad Vakilzadeh and Dreyer, Maximilian and Jain, Aakriti and "
        "Wiegand, Thomas and Lapuschkin, Sebastian and Samek, Wojciech",
        "AttnLRP: Attention-Aware Layer-Wise Relevance Propagation for Transformers",
        _ICML,
        "2024",
    ),
    "Ribeiro et al., KDD 2016": Reference(
        "ribeiro2016lime",
        "Ribeiro, Marco Tulio and Singh, Sameer and Guestrin, Carlos",
        "“Why Should I Trust You?”: Explaining the Predictions of Any Classifier",
        "ACM SIGKDD International Conference on Knowledge Discovery and Data Mining (KDD)",
        "2016",
    ),
}
"""The papers by the words that the table of methods has for them."""


def references_of(method: str) -> tuple[Reference, ...]:
    """The papers of a method; empty for a method without one."""
    return references_in(METHODS[method].paper)


def references_in(paper: str) -> tuple[Reference, ...]:
    """The papers that the words of the table of methods name, in their order.

    A paper that is not among :data:`REFERENCES`, such as that of a method registered from outside, has the words as its
    title.
    """
    known = sorted((paper.index(words), one.key, one) for words, one in REFERENCES.items() if words in paper)
    if known or not paper:
        return tuple(one for *_, one in known)
    year = re.search(r"\b(?:19|20)[0-9]{2}\b", paper)
    name = re.sub(r"\W", "", paper.split()[0]).lower() or "paper"
    name = name.encode("ascii", "ignore").decode() or "paper"
    return (Reference(f"{name}{year[0] if year else ''}", "", paper, "", year[0] if year else ""),)
