"""The miniature world's predictions, laid out like Ref-YouTube-VOS's (spec section 6): the world is in that benchmark's layout."""

from vdit.submit import ref_youtube_vos

listing, finished, writing, pack = ref_youtube_vos.listing, ref_youtube_vos.finished, ref_youtube_vos.writing, ref_youtube_vos.pack
