"""Slides of any size, in bounded memory.

Everything is computed on the *working grid*: pixels of the model's resolution, (0, 0) at the slide's level-0
origin.

1. Probability: windows that overlap are computed where there is tissue and kept in a store on disk, 8 bits a
   pixel; reading a box from the store blends the windows that meet there.
2. Refinement: the colours that the store keeps beside the probability are counted; a box is then read
   mixed with their likelihood.
3. Labelling: the source is read once in blocks to find components of gland and the holes they enclose, joined
   across blocks by union-find on the blocks' borders; then each component is read again on its own and split
   into glands.
4. Output: each gland is measured, drawn and written as it comes.

The stages know each other only through `source.ProbabilitySource` (1 and 2 to 3) and `labelling.LabelledCrop`
(3 to 4).
"""
