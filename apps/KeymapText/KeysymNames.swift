// The names of keysyms in keymap texts, from xkbcommon-keysyms.h without those that no layout of a keyboard types (vendors'
// multimedia keys, braille, and scripts that have Unicode names in current layouts).

/// Values of names: `#HEX` sets the value of the name that follows, each further name is one more. Characters outside
/// Latin-1 have the form 0x1000000 + scalar.
let keysymNames: StaticString = """
    #20 KP_Space #20 space exclam quotedbl numbersign dollar percent ampersand apostrophe #27 quoteright parenleft \
    parenright KP_Multiply #2A asterisk KP_Add #2B plus KP_Separator #2C comma KP_Subtract #2D minus KP_Decimal #2E \
    period #2E decimalpoint KP_Divide #2F slash KP_0 #30 0 KP_1 #31 1 KP_2 #32 2 KP_3 #33 3 KP_4 #34 4 KP_5 #35 5 KP_6 \
    #36 6 KP_7 #37 7 KP_8 #38 8 KP_9 #39 9 colon semicolon less #3C leftcaret KP_Equal #3D equal greater #3E rightcaret \
    question at A B C D E F G H I J K L M N O P Q R S T U V W X Y Z bracketleft backslash bracketright asciicircum \
    underscore #5F underbar grave #60 quoteleft a b c d e f g h i j k l m n o p q r s t u v w x y z braceleft bar \
    braceright asciitilde #A0 nobreakspace exclamdown cent sterling currency yen brokenbar section diaeresis copyright \
    ordfeminine guillemotleft notsign hyphen registered macron #AF overbar degree plusminus twosuperior threesuperior \
    acute mu paragraph periodcentered cedilla onesuperior masculine guillemotright onequarter onehalf threequarters \
    questiondown Agrave Aacute Acircumflex Atilde Adiaeresis Aring AE Ccedilla Egrave Eacute Ecircumflex Ediaeresis \
    Igrave Iacute Icircumflex Idiaeresis ETH #D0 Eth Ntilde Ograve Oacute Ocircumflex Otilde Odiaeresis multiply Oslash \
    #D8 Ooblique Ugrave Uacute Ucircumflex Udiaeresis Yacute THORN #DE Thorn ssharp agrave aacute acircumflex atilde \
    adiaeresis aring ae ccedilla egrave eacute ecircumflex ediaeresis igrave iacute icircumflex idiaeresis eth ntilde \
    ograve oacute ocircumflex otilde odiaeresis division oslash #F8 ooblique ugrave uacute ucircumflex udiaeresis yacute \
    thorn ydiaeresis #8B1 topleftsummation botleftsummation topvertsummationconnector botvertsummationconnector \
    toprightsummation botrightsummation rightmiddlesummation #9DF blank #ABF marker #ACB trademarkincircle #ADA hexagram \
    #AFF cursor #FE01 ISO_Lock ISO_Level2_Latch ISO_Level3_Shift ISO_Level3_Latch ISO_Level3_Lock ISO_Group_Latch \
    ISO_Group_Lock ISO_Next_Group ISO_Next_Group_Lock ISO_Prev_Group ISO_Prev_Group_Lock ISO_First_Group \
    ISO_First_Group_Lock ISO_Last_Group ISO_Last_Group_Lock #FE11 ISO_Level5_Shift ISO_Level5_Latch ISO_Level5_Lock \
    #FE20 ISO_Left_Tab ISO_Move_Line_Up ISO_Move_Line_Down ISO_Partial_Line_Up ISO_Partial_Line_Down \
    ISO_Partial_Space_Left ISO_Partial_Space_Right ISO_Set_Margin_Left ISO_Set_Margin_Right ISO_Release_Margin_Left \
    ISO_Release_Margin_Right ISO_Release_Both_Margins ISO_Fast_Cursor_Left ISO_Fast_Cursor_Right ISO_Fast_Cursor_Up \
    ISO_Fast_Cursor_Down ISO_Continuous_Underline ISO_Discontinuous_Underline ISO_Emphasize ISO_Center_Object ISO_Enter \
    #FE50 dead_grave dead_acute dead_circumflex dead_tilde #FE53 dead_perispomeni dead_macron dead_breve dead_abovedot \
    dead_diaeresis dead_abovering dead_doubleacute dead_caron dead_cedilla dead_ogonek dead_iota dead_voiced_sound \
    dead_semivoiced_sound dead_belowdot dead_hook dead_horn dead_stroke dead_abovecomma #FE64 dead_psili \
    dead_abovereversedcomma #FE65 dead_dasia dead_doublegrave dead_belowring dead_belowmacron dead_belowcircumflex \
    dead_belowtilde dead_belowbreve dead_belowdiaeresis dead_invertedbreve dead_belowcomma dead_currency #FE72 \
    RepeatKeys_Enable SlowKeys_Enable BounceKeys_Enable StickyKeys_Enable MouseKeys_Enable MouseKeys_Accel_Enable \
    Overlay1_Enable Overlay2_Enable AudibleBell_Enable #FE80 dead_a dead_A dead_e dead_E dead_i dead_I dead_o dead_O \
    dead_u dead_U dead_small_schwa dead_capital_schwa dead_greek #FE90 dead_lowline dead_aboveverticalline \
    dead_belowverticalline dead_longsolidusoverlay #FED0 First_Virtual_Screen Prev_Virtual_Screen Next_Virtual_Screen \
    #FED4 Last_Virtual_Screen Terminate_Server #FF08 BackSpace Tab Linefeed Clear #FF0D Return #FF13 Pause Scroll_Lock \
    Sys_Req #FF1B Escape #FF20 Multi_key Kanji Muhenkan Henkan_Mode #FF23 Henkan Romaji Hiragana Katakana \
    Hiragana_Katakana Zenkaku Hankaku Zenkaku_Hankaku Touroku Massyo Kana_Lock Kana_Shift Eisu_Shift Eisu_toggle Hangul \
    #FF34 Hangul_Hanja #FF37 Codeinput #FF37 Kanji_Bangou #FF3C SingleCandidate MultipleCandidate #FF3D Zen_Koho \
    PreviousCandidate #FF3E Mae_Koho #FF50 Home Left Up Right Down Prior #FF55 Page_Up Next #FF56 Page_Down End Begin \
    #FF60 Select Print Execute Insert #FF65 Undo Redo Menu Find Cancel Help Break #FF7E Mode_switch #FF7E script_switch \
    #FF7E ISO_Group_Shift #FF7E Greek_switch #FF7E Hebrew_switch #FF7E Hangul_switch Num_Lock #FF89 KP_Tab #FF8D \
    KP_Enter #FF91 KP_F1 KP_F2 KP_F3 KP_F4 KP_Home KP_Left KP_Up KP_Right KP_Down KP_Prior #FF9A KP_Page_Up KP_Next \
    #FF9B KP_Page_Down KP_End KP_Begin KP_Insert KP_Delete #FFBE F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 #FFC8 L1 F12 #FFC9 \
    L2 F13 #FFCA L3 F14 #FFCB L4 F15 #FFCC L5 F16 #FFCD L6 F17 #FFCE L7 F18 #FFCF L8 F19 #FFD0 L9 F20 #FFD1 L10 F21 \
    #FFD2 R1 F22 #FFD3 R2 F23 #FFD4 R3 F24 #FFD5 R4 F25 #FFD6 R5 F26 #FFD7 R6 F27 #FFD8 R7 F28 #FFD9 R8 F29 #FFDA R9 F30 \
    #FFDB R10 F31 #FFDC R11 F32 #FFDD R12 F33 #FFDE R13 F34 #FFDF R14 F35 #FFE0 R15 Shift_L Shift_R Control_L Control_R \
    Caps_Lock Shift_Lock Meta_L Meta_R Alt_L Alt_R Super_L Super_R Hyper_L Hyper_R #FFFF Delete #1000100 Amacron amacron \
    Abreve abreve Aogonek aogonek Cacute cacute Ccircumflex ccircumflex Cabovedot cabovedot Ccaron ccaron Dcaron dcaron \
    Dstroke dstroke Emacron emacron #1000116 Eabovedot eabovedot Eogonek eogonek Ecaron ecaron Gcircumflex gcircumflex \
    Gbreve gbreve Gabovedot gabovedot Gcedilla gcedilla Hcircumflex hcircumflex Hstroke hstroke Itilde itilde Imacron \
    imacron Ibreve ibreve Iogonek iogonek Iabovedot idotless #1000134 Jcircumflex jcircumflex Kcedilla kcedilla kra \
    #1000138 kappa Lacute lacute Lcedilla lcedilla Lcaron lcaron #1000141 Lstroke lstroke Nacute nacute Ncedilla \
    ncedilla Ncaron ncaron #100014A ENG eng Omacron omacron #1000150 Odoubleacute odoubleacute OE oe Racute racute \
    Rcedilla rcedilla Rcaron rcaron Sacute sacute Scircumflex scircumflex Scedilla scedilla Scaron scaron Tcedilla \
    tcedilla Tcaron tcaron Tslash tslash Utilde utilde Umacron umacron Ubreve ubreve Uring uring Udoubleacute \
    udoubleacute Uogonek uogonek Wcircumflex wcircumflex Ycircumflex ycircumflex Ydiaeresis Zacute zacute Zabovedot \
    zabovedot Zcaron zcaron #100018F SCHWA #1000192 function #100019F Obarred Ohorn ohorn #10001AF Uhorn uhorn #10001B5 \
    Zstroke zstroke EZH #10001D1 Ocaron ocaron #10001E6 Gcaron gcaron #1000259 schwa #1000275 obarred #1000292 ezh \
    #10002C7 caron #10002D8 breve abovedot #10002DB ogonek #10002DD doubleacute #1000300 combining_grave combining_acute \
    #1000303 combining_tilde #1000309 combining_hook #1000323 combining_belowdot #1000385 Greek_accentdieresis \
    Greek_ALPHAaccent #1000388 Greek_EPSILONaccent Greek_ETAaccent Greek_IOTAaccent #100038C Greek_OMICRONaccent \
    #100038E Greek_UPSILONaccent Greek_OMEGAaccent Greek_iotaaccentdieresis Greek_ALPHA Greek_BETA Greek_GAMMA \
    Greek_DELTA Greek_EPSILON Greek_ZETA Greek_ETA Greek_THETA Greek_IOTA Greek_KAPPA Greek_LAMDA #100039B Greek_LAMBDA \
    Greek_MU Greek_NU Greek_XI Greek_OMICRON Greek_PI Greek_RHO #10003A3 Greek_SIGMA Greek_TAU Greek_UPSILON Greek_PHI \
    Greek_CHI Greek_PSI Greek_OMEGA Greek_IOTAdieresis #10003AA Greek_IOTAdiaeresis Greek_UPSILONdieresis \
    Greek_alphaaccent Greek_epsilonaccent Greek_etaaccent Greek_iotaaccent Greek_upsilonaccentdieresis Greek_alpha \
    Greek_beta Greek_gamma Greek_delta Greek_epsilon Greek_zeta Greek_eta Greek_theta Greek_iota Greek_kappa Greek_lamda \
    #10003BB Greek_lambda Greek_mu Greek_nu Greek_xi Greek_omicron Greek_pi Greek_rho Greek_finalsmallsigma Greek_sigma \
    Greek_tau Greek_upsilon Greek_phi Greek_chi Greek_psi Greek_omega Greek_iotadieresis Greek_upsilondieresis \
    Greek_omicronaccent Greek_upsilonaccent Greek_omegaaccent #1000401 Cyrillic_IO Serbian_DJE Macedonia_GJE \
    Ukrainian_IE #1000404 Ukranian_JE Macedonia_DSE Ukrainian_I #1000406 Ukranian_I Ukrainian_YI #1000407 Ukranian_YI \
    Cyrillic_JE #1000408 Serbian_JE Cyrillic_LJE #1000409 Serbian_LJE Cyrillic_NJE #100040A Serbian_NJE Serbian_TSHE \
    Macedonia_KJE #100040E Byelorussian_SHORTU Cyrillic_DZHE #100040F Serbian_DZE Cyrillic_A Cyrillic_BE Cyrillic_VE \
    Cyrillic_GHE Cyrillic_DE Cyrillic_IE Cyrillic_ZHE Cyrillic_ZE Cyrillic_I Cyrillic_SHORTI Cyrillic_KA Cyrillic_EL \
    Cyrillic_EM Cyrillic_EN Cyrillic_O Cyrillic_PE Cyrillic_ER Cyrillic_ES Cyrillic_TE Cyrillic_U Cyrillic_EF \
    Cyrillic_HA Cyrillic_TSE Cyrillic_CHE Cyrillic_SHA Cyrillic_SHCHA Cyrillic_HARDSIGN Cyrillic_YERU Cyrillic_SOFTSIGN \
    Cyrillic_E Cyrillic_YU Cyrillic_YA Cyrillic_a Cyrillic_be Cyrillic_ve Cyrillic_ghe Cyrillic_de Cyrillic_ie \
    Cyrillic_zhe Cyrillic_ze Cyrillic_i Cyrillic_shorti Cyrillic_ka Cyrillic_el Cyrillic_em Cyrillic_en Cyrillic_o \
    Cyrillic_pe Cyrillic_er Cyrillic_es Cyrillic_te Cyrillic_u Cyrillic_ef Cyrillic_ha Cyrillic_tse Cyrillic_che \
    Cyrillic_sha Cyrillic_shcha Cyrillic_hardsign Cyrillic_yeru Cyrillic_softsign Cyrillic_e Cyrillic_yu Cyrillic_ya \
    #1000451 Cyrillic_io Serbian_dje Macedonia_gje Ukrainian_ie #1000454 Ukranian_je Macedonia_dse Ukrainian_i #1000456 \
    Ukranian_i Ukrainian_yi #1000457 Ukranian_yi Cyrillic_je #1000458 Serbian_je Cyrillic_lje #1000459 Serbian_lje \
    Cyrillic_nje #100045A Serbian_nje Serbian_tshe Macedonia_kje #100045E Byelorussian_shortu Cyrillic_dzhe #100045F \
    Serbian_dze #1000490 Ukrainian_GHE_WITH_UPTURN Ukrainian_ghe_with_upturn Cyrillic_GHE_bar Cyrillic_ghe_bar #1000496 \
    Cyrillic_ZHE_descender Cyrillic_zhe_descender #100049A Cyrillic_KA_descender Cyrillic_ka_descender \
    Cyrillic_KA_vertstroke Cyrillic_ka_vertstroke #10004A2 Cyrillic_EN_descender Cyrillic_en_descender #10004AE \
    Cyrillic_U_straight Cyrillic_u_straight Cyrillic_U_straight_bar Cyrillic_u_straight_bar Cyrillic_HA_descender \
    Cyrillic_ha_descender #10004B6 Cyrillic_CHE_descender Cyrillic_che_descender Cyrillic_CHE_vertstroke \
    Cyrillic_che_vertstroke Cyrillic_SHHA Cyrillic_shha #10004D8 Cyrillic_SCHWA Cyrillic_schwa #10004E2 \
    Cyrillic_I_macron Cyrillic_i_macron #10004E8 Cyrillic_O_bar Cyrillic_o_bar #10004EE Cyrillic_U_macron \
    Cyrillic_u_macron #10005D0 hebrew_aleph hebrew_bet #10005D1 hebrew_beth hebrew_gimel #10005D2 hebrew_gimmel \
    hebrew_dalet #10005D3 hebrew_daleth hebrew_he hebrew_waw hebrew_zain #10005D6 hebrew_zayin hebrew_chet #10005D7 \
    hebrew_het hebrew_tet #10005D8 hebrew_teth hebrew_yod hebrew_finalkaph hebrew_kaph hebrew_lamed hebrew_finalmem \
    hebrew_mem hebrew_finalnun hebrew_nun hebrew_samech #10005E1 hebrew_samekh hebrew_ayin hebrew_finalpe hebrew_pe \
    hebrew_finalzade #10005E5 hebrew_finalzadi hebrew_zade #10005E6 hebrew_zadi hebrew_qoph #10005E7 hebrew_kuf \
    hebrew_resh hebrew_shin hebrew_taw #10005EA hebrew_taf #1001E02 Babovedot babovedot #1001E0A Dabovedot dabovedot \
    #1001E1E Fabovedot fabovedot #1001E36 Lbelowdot lbelowdot #1001E40 Mabovedot mabovedot #1001E56 Pabovedot pabovedot \
    #1001E60 Sabovedot sabovedot #1001E6A Tabovedot tabovedot #1001E80 Wgrave wgrave Wacute wacute Wdiaeresis wdiaeresis \
    #1001E8A Xabovedot xabovedot #1001EA0 Abelowdot abelowdot Ahook ahook Acircumflexacute acircumflexacute \
    Acircumflexgrave acircumflexgrave Acircumflexhook acircumflexhook Acircumflextilde acircumflextilde \
    Acircumflexbelowdot acircumflexbelowdot Abreveacute abreveacute Abrevegrave abrevegrave Abrevehook abrevehook \
    Abrevetilde abrevetilde Abrevebelowdot abrevebelowdot Ebelowdot ebelowdot Ehook ehook Etilde etilde Ecircumflexacute \
    ecircumflexacute Ecircumflexgrave ecircumflexgrave Ecircumflexhook ecircumflexhook Ecircumflextilde ecircumflextilde \
    Ecircumflexbelowdot ecircumflexbelowdot Ihook ihook Ibelowdot ibelowdot Obelowdot obelowdot Ohook ohook \
    Ocircumflexacute ocircumflexacute Ocircumflexgrave ocircumflexgrave Ocircumflexhook ocircumflexhook Ocircumflextilde \
    ocircumflextilde Ocircumflexbelowdot ocircumflexbelowdot Ohornacute ohornacute Ohorngrave ohorngrave Ohornhook \
    ohornhook Ohorntilde ohorntilde Ohornbelowdot ohornbelowdot Ubelowdot ubelowdot Uhook uhook Uhornacute uhornacute \
    Uhorngrave uhorngrave Uhornhook uhornhook Uhorntilde uhorntilde Uhornbelowdot uhornbelowdot Ygrave ygrave Ybelowdot \
    ybelowdot Yhook yhook Ytilde ytilde #1002002 enspace emspace em3space em4space #1002007 digitspace punctspace \
    thinspace hairspace #1002012 figdash endash emdash Greek_horizbar #1002017 hebrew_doublelowline leftsinglequotemark \
    rightsinglequotemark singlelowquotemark #100201C leftdoublequotemark rightdoublequotemark doublelowquotemark \
    #1002020 dagger doubledagger enfilledcircbullet #1002025 doubbaselinedot ellipsis #1002030 permille #1002032 minutes \
    seconds #1002038 caret #100203E overline #1002070 zerosuperior #1002074 foursuperior fivesuperior sixsuperior \
    sevensuperior eightsuperior ninesuperior #1002080 zerosubscript onesubscript twosubscript threesubscript \
    foursubscript fivesubscript sixsubscript sevensubscript eightsubscript ninesubscript #10020A0 EcuSign ColonSign \
    CruzeiroSign FFrancSign LiraSign MillSign NairaSign PesetaSign RupeeSign Korean_Won #10020A9 WonSign NewSheqelSign \
    DongSign EuroSign #1002105 careof #1002116 numerosign phonographcopyright #100211E prescription #1002122 trademark \
    #1002153 onethird twothirds onefifth twofifths threefifths fourfifths onesixth fivesixths oneeighth threeeighths \
    fiveeighths seveneighths #1002190 leftarrow uparrow rightarrow downarrow #10021D2 implies #10021D4 ifonlyif #1002202 \
    partialderivative #1002202 partdifferential #1002205 emptyset #1002207 nabla elementof notelementof #100220B \
    containsas #1002218 jot #100221A radical #100221A squareroot cuberoot fourthroot variation infinity #1002227 \
    logicaland #1002227 upcaret logicalor #1002228 downcaret intersection #1002229 upshoe union #100222A downshoe \
    integral dintegral tintegral #1002234 therefore because #100223C approximate #1002243 similarequal #1002247 \
    notapproxeq approxeq #1002260 notequal identical notidentical stricteq lessthanequal greaterthanequal #1002282 \
    includedin #1002282 leftshoe includes #1002283 rightshoe #10022A2 righttack lefttack downtack uptack #1002308 \
    upstile #100230A downstile #1002315 telephonerecorder #1002320 topintegral botintegral #1002395 quad #100239B \
    topleftparens #100239D botleftparens toprightparens #10023A0 botrightparens topleftsqbracket #10023A3 \
    botleftsqbracket toprightsqbracket #10023A6 botrightsqbracket #10023A8 leftmiddlecurlybrace #10023AC \
    rightmiddlecurlybrace #10023B7 leftradical #10023BA horizlinescan1 horizlinescan3 horizlinescan7 horizlinescan9 \
    #1002409 ht lf vt ff cr #1002423 signifblank nl #1002500 horizconnector #1002500 horizlinescan5 #1002502 \
    vertconnector #1002502 vertbar #100250C topleftradical #100250C upleftcorner #1002510 uprightcorner #1002514 \
    lowleftcorner #1002518 lowrightcorner #100251C leftt #1002524 rightt #100252C topt #1002534 bott #100253C \
    crossinglines #10025AA enfilledsqbullet enopensquarebullet filledrectbullet openrectbullet emfilledrect \
    emopenrectangle #10025B2 filledtribulletup opentribulletup #10025B6 filledrighttribullet rightopentriangle #10025BC \
    filledtribulletdown opentribulletdown #10025C0 filledlefttribullet leftopentriangle #10025C6 soliddiamond #10025CB \
    emopencircle #10025CB circle #10025CF emfilledcircle #10025E6 enopencircbullet #1002606 openstar #100260E telephone \
    #1002613 signaturemark #100261C leftpointer #100261E rightpointer #1002640 femalesymbol #1002642 malesymbol #1002663 \
    club #1002665 heart diamond #100266D musicalflat #100266F musicalsharp #1002717 ballotcross #100271D latincross \
    #1002720 maltesecross #10027E8 leftanglebracket rightanglebracket #100309B voicedsound semivoicedsound #10030FC \
    prolongedsound #100314E Hangul_Hieuh #100000A8 mute_acute mute_grave mute_asciicircum mute_diaeresis mute_asciitilde \
    #100000AF lira #100000BE guilder #100000F6 longminus #100000FC block #1000FF6C Reset System User #1000FF74 BackTab \
    KP_BackTab \

    """
